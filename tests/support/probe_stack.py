"""A small stack for the emulator's own tests: each resource is there to be found out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore.exceptions import WaiterError

from local.platform import Platform

T = TypeVar("T")
Template = dict[str, Any]

HANDLER = """
import base64, json, os, urllib.request
import boto3

def handler(event, context):
    if "ResponseURL" in event:
        return answer(event)
    if event.get("records") is not None:
        return {"records": [verdict(entry) for entry in event["records"]]}
    if event.get("metric"):
        directive = {"Namespace": "Probe", "Dimensions": [["kind"]], "Metrics": [{"Name": "Seen"}]}
        print(json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]},
                          "kind": "emf", "Seen": event["metric"]}))
    if event.get("put"):
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=event["put"], Body=b"x")
    return {"arn": boto3.client("sts").get_caller_identity()["Arn"]}

def verdict(entry):
    data = base64.b64decode(entry["data"])
    answer = {"recordId": entry["recordId"], "result": "Ok", "data": entry["data"]}
    if data == b"drop":
        return answer | {"result": "Dropped"}
    if not data.startswith(b"{"):
        return answer | {"result": "ProcessingFailed"}
    if os.path.exists("/nonexistent") or b"explode" in data:
        raise RuntimeError("asked to fail")
    record = json.loads(data)
    returned = base64.b64encode(json.dumps(record | {"passed": True}).encode()).decode()
    return answer | {"data": returned, "metadata": {"partitionKeys": {"day": record["day"]}}}

def answer(event):
    word = event["ResourceProperties"]["Word"]
    body = {"Status": "FAILED" if word == "fail" else "SUCCESS", "Reason": "asked to fail",
            "PhysicalResourceId": "probe", "Data": {"Echo": word * 2},
            **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request)
"""


def trust(*services: str) -> dict[str, Any]:
    """A trust policy for service principals."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": list(services)},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """An IAM role with one inline policy."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policies = [{"PolicyName": "probe", "PolicyDocument": document}] if statements else []
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust(service), "Policies": policies},
    }


def allow(actions: list[str], resources: Any) -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def function(role_name: str, environment: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Lambda with the probe's code."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": HANDLER},
            "Role": {"Fn::GetAtt": [role_name, "Arn"]},
            "Timeout": 30,
            "Environment": {"Variables": environment or {}},
        },
    }


def wait_for(probe: Callable[[], T | None], seconds: float = 30.0, what: str = "") -> T:
    """Poll until ``probe`` gives something true; fails with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def deploy(platform: Platform, name: str, template: Template) -> dict[str, str]:
    """Create or update a stack; its outputs. Fails with the reasons of failed resources."""
    client = platform.client("cloudformation")
    request = {
        "StackName": name,
        "TemplateBody": json.dumps(template),
        "Capabilities": ["CAPABILITY_IAM"],
    }
    existing = [s["StackName"] for s in client.describe_stacks()["Stacks"]]
    update = name in existing
    client.update_stack(**request) if update else client.create_stack(**request)
    waiter = client.get_waiter("stack_update_complete" if update else "stack_create_complete")
    try:
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 90})
    except WaiterError as error:
        error.add_note("\n".join(failure_reasons(platform, name)))
        raise
    return outputs(platform, name)


def outputs(platform: Platform, name: str) -> dict[str, str]:
    """Outputs of a stack."""
    stack = platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])}


def failure_reasons(platform: Platform, name: str) -> list[str]:
    """Reasons of failed events of a stack, newest first."""
    events = platform.client("cloudformation").describe_stack_events(StackName=name)
    return [
        event["ResourceStatusReason"]
        for event in events["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED") and "ResourceStatusReason" in event
    ]


def empty_bucket(platform: Platform, bucket: str) -> None:
    """Delete every object."""
    s3 = platform.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])


def objects(platform: Platform, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Key → body below a prefix."""
    s3 = platform.client("s3")
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            found[entry["Key"]] = body
    return found


@contextmanager
def deployed(platform: Platform, name: str, template: Template) -> Iterator[dict[str, str]]:
    """Deploy a stack for the time of a test module."""
    found = deploy(platform, name, template)
    try:
        yield found
    finally:
        for key, value in found.items():
            if key.endswith("Bucket"):
                empty_bucket(platform, value)
        client = platform.client("cloudformation")
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
