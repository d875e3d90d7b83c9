"""Everything a deployment keeps, read through its APIs: where it is kept, and the bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.names import Scope
from local.iceberg_tables import ClientOf
from local.platform import Platform

READER = "canary-reader"
SESSION_SECONDS = 3600
Kept = tuple[str, str, bytes]
"""Kind of store, place in it, content."""


@dataclass
class Reader:
    """A role below the path that buckets answer from anywhere; it may read every version."""

    platform: Platform
    scope: Scope

    def __enter__(self) -> ClientOf:
        """Create the role; what gives clients with a session of it."""
        iam, sts = self.platform.client("iam"), self.platform.client("sts")
        person = {"AWS": sts.get_caller_identity()["Arn"]}
        trust = {"Effect": "Allow", "Principal": person, "Action": "sts:AssumeRole"}
        role = iam.create_role(
            RoleName=READER,
            Path=self.scope.service_role_path,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]["Arn"]
        actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"]
        actions += ["glue:GetTable", "kms:Decrypt"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName=READER, PolicyName=READER, PolicyDocument=json.dumps(document))
        session = self.platform.assume(role)
        return lambda name: self.platform.client(name, session)

    def __exit__(self, *_: object) -> None:
        iam = self.platform.client("iam")
        iam.delete_role_policy(RoleName=READER, PolicyName=READER)
        iam.delete_role(RoleName=READER)


def everything(platform: Platform, s3: Any) -> Iterator[Kept]:
    """All of it; ``s3`` may read what is encrypted."""
    yield from objects(platform, s3)
    for read in (_logs, _queues, _tables, _parameters, _executions, _jobs, _events):
        yield from read(platform.client)


def objects(platform: Platform, s3: Any) -> Iterator[Kept]:
    """Every version of every object of every bucket, its name and metadata with it."""
    for bucket in platform.client("s3").list_buckets()["Buckets"]:
        name = bucket["Name"]
        for item in _pages(s3, "list_object_versions", "Versions", Bucket=name):
            key, version = item["Key"], item["VersionId"]
            answer = s3.get_object(Bucket=name, Key=key, VersionId=version)
            place = f"{name}/{key}"
            yield "object", place, answer["Body"].read()
            yield "object name", place, json.dumps([key, answer["Metadata"]]).encode()


def _pages(client: Any, operation: str, member: str, **request: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**request):
        yield from page.get(member) or ()


def _told(answer: Any) -> bytes:
    return json.dumps(answer, default=str).encode()


def _logs(client: Callable[[str], Any]) -> Iterator[Kept]:
    logs = client("logs")
    for group in _pages(logs, "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        for event in _pages(logs, "filter_log_events", "events", logGroupName=name):
            yield "log event", f"{name}/{event['logStreamName']}", event["message"].encode()


def _queues(client: Callable[[str], Any]) -> Iterator[Kept]:
    """Every message that waits, left where it is."""
    sqs = client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        waiting = "ApproximateNumberOfMessages"
        asked = {"QueueUrl": url, "AttributeNames": [waiting]}
        count = int(sqs.get_queue_attributes(**asked)["Attributes"][waiting])
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30}
            names = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
            got = sqs.receive_message(**request, **names).get("Messages", [])
            assert got, f"{url}: {count} messages wait and {len(taken)} were received"
            taken += got
        for message in taken:
            handle = message.pop("ReceiptHandle")
            yield "queue message", url.rpartition("/")[2], _told(message)
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


def _tables(client: Callable[[str], Any]) -> Iterator[Kept]:
    dynamodb = client("dynamodb")
    for table in dynamodb.list_tables()["TableNames"]:
        for item in _pages(dynamodb, "scan", "Items", TableName=table):
            yield "table item", table, _told(item)
    glue = client("glue")
    for database in _pages(glue, "get_databases", "DatabaseList"):
        for table in _pages(glue, "get_tables", "TableList", DatabaseName=database["Name"]):
            yield "catalog", table["Name"], _told(table)
            asked = {"DatabaseName": database["Name"], "TableName": table["Name"]}
            for partition in _pages(glue, "get_partitions", "Partitions", **asked):
                yield "catalog", table["Name"], _told(partition)


def _parameters(client: Callable[[str], Any]) -> Iterator[Kept]:
    ssm = client("ssm")
    for parameter in _pages(ssm, "describe_parameters", "Parameters"):
        for past in _pages(ssm, "get_parameter_history", "Parameters", Name=parameter["Name"]):
            yield "parameter", parameter["Name"], _told(past)


def _executions(client: Callable[[str], Any]) -> Iterator[Kept]:
    states = client("stepfunctions")
    for machine in _pages(states, "list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        for execution in _pages(states, "list_executions", "executions", stateMachineArn=arn):
            asked = {"executionArn": execution["executionArn"]}
            yield "execution", execution["name"], _told(states.describe_execution(**asked))
            for event in _pages(states, "get_execution_history", "events", **asked):
                yield "execution", execution["name"], _told(event)


def _jobs(client: Callable[[str], Any]) -> Iterator[Kept]:
    glue, sagemaker = client("glue"), client("sagemaker")
    for job in _pages(glue, "get_jobs", "Jobs"):
        for run in _pages(glue, "get_job_runs", "JobRuns", JobName=job["Name"]):
            yield "job run", job["Name"], _told(run)
    for kind in ("Training", "Processing"):
        word, name = kind.lower(), f"{kind}JobName"
        for job in _pages(sagemaker, f"list_{word}_jobs", f"{kind}JobSummaries"):
            described = getattr(sagemaker, f"describe_{word}_job")(**{name: job[name]})
            yield "job run", job[name], _told(described)


def _events(client: Callable[[str], Any]) -> Iterator[Kept]:
    """What stacks, alarms and metrics tell of themselves."""
    formation, cloudwatch = client("cloudformation"), client("cloudwatch")
    for stack in _pages(formation, "describe_stacks", "Stacks"):
        asked = {"StackName": stack["StackName"]}
        for event in _pages(formation, "describe_stack_events", "StackEvents", **asked):
            yield "stack event", stack["StackName"], _told(event)
    for metric in _pages(cloudwatch, "list_metrics", "Metrics"):
        yield "metric", str(metric.get("MetricName")), _told(metric)
    for item in _pages(cloudwatch, "describe_alarm_history", "AlarmHistoryItems"):
        yield "alarm", str(item.get("AlarmName")), _told(item)
    for alarm in _pages(cloudwatch, "describe_alarms", "MetricAlarms"):
        yield "alarm", alarm["AlarmName"], _told(alarm)
