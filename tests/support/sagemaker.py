"""Small pieces for tests of SageMaker, Glue and Step Functions: roles, buckets, archives."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from local.platform import Platform

T = TypeVar("T")
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
INSTANCE = "ml.m5.large"
VOLUME = {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1}

# Answers with its own name, so that a test sees which model served; "boom" breaks it.
INFERENCE = """
import json, os
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.json")) as source:
        return json.load(source)
def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError("unsupported " + content_type)
    return json.loads(body)
def predict_fn(data, model):
    if data.get("boom"):
        raise RuntimeError("boom")
    if "exit" in data:
        os._exit(data["exit"])
    return {"model": model["name"], "twice": 2 * data["x"]}
def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def unique(prefix: str) -> str:
    """A name no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def archive(files: Mapping[str, str]) -> bytes:
    """A tar.gz of text files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def model_archive(name: str, code: str = INFERENCE) -> bytes:
    """A model.tar.gz that serves as ``name``."""
    return archive({"model.json": json.dumps({"name": name}), "code/inference.py": code})


def make_role(
    platform: Platform, service: str, statements: list[dict[str, Any]], name: str | None = None
) -> str:
    """A role that trusts ``service`` and may do what ``statements`` say; returns its ARN."""
    iam = platform.client("iam")
    name = name or unique("role")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]
    if statements:
        iam.put_role_policy(
            RoleName=name,
            PolicyName="inline",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
    return str(role["Arn"])


def allow(actions: str | list[str], resources: str | list[str] = "*") -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def bucket_access(bucket: str) -> list[dict[str, Any]]:
    """Read and write one bucket, and write logs."""
    return [
        allow("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]),
        allow("logs:*"),
    ]


def make_bucket(platform: Platform) -> str:
    """A new bucket in the platform's Region."""
    name = unique("test")
    platform.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": platform.region}
    )
    return name


def put(platform: Platform, bucket: str, key: str, body: bytes | str) -> str:
    """Store an object as the operator; returns its URI."""
    data = body.encode() if isinstance(body, str) else body
    platform.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    return f"s3://{bucket}/{key}"


def read(platform: Platform, bucket: str, key: str) -> bytes:
    """Fetch an object as the operator."""
    answer: bytes = platform.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return answer


def keys(platform: Platform, bucket: str, prefix: str) -> list[str]:
    """Object keys under a prefix."""
    listed = platform.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for item in listed.get("Contents", [])]


def wait_for(probe: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Poll until ``probe`` gives something true; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing after {seconds} s")


def settled(
    describe: Callable[[], Mapping[str, Any]], member: str, seconds: float = 60.0
) -> dict[str, Any]:
    """Poll a Describe until ``member`` no longer names a state in progress."""

    def probe() -> dict[str, Any] | None:
        answer = dict(describe())
        busy = ("InProgress", "Creating", "Updating", "Stopping", "STARTING", "RUNNING", "WAITING")
        return None if answer[member] in (*busy, "STOPPING") else answer

    return wait_for(probe, seconds)


def error_code(call: Callable[[], Any]) -> str:
    """The error code a call is refused with; AssertionError when it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("the call was not refused")
