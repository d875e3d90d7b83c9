"""Log groups, streams and metric filters: each wrong property next to the right one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.platform import Platform
from tests.support.probe_stack import (
    Template,
    allow,
    deploy,
    deployed,
    failure_reasons,
    function,
    role,
    wait_for,
)

pytestmark = pytest.mark.platform

NAMESPACE = "ProbeLogs"
EVENTS = (
    {"level": "error", "took": 250, "route": "a"},
    {"level": "error", "took": 150, "route": "b"},
    {"level": "info", "took": 10, "route": "a"},
)


def _filter(name: str, pattern: str, **more: Any) -> dict[str, Any]:
    transformation = {
        "MetricName": name, "MetricNamespace": NAMESPACE, "MetricValue": "1",
    } | more  # fmt: skip
    return {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": {"Ref": "Group"},
            "FilterPattern": pattern,
            "MetricTransformations": [transformation],
        },
    }


def _delivery(name: str, stream: Any) -> dict[str, Any]:
    """A delivery stream whose role may not write its bucket, and says so in a log stream."""
    arn = {"Fn::GetAtt": ["DeliveryRole", "Arn"]}
    logging = {
        "Enabled": True, "LogGroupName": {"Ref": "Deliveries"}, "LogStreamName": stream,
    }  # fmt: skip
    return {
        "Type": "AWS::KinesisFirehose::DeliveryStream",
        "Properties": {
            "DeliveryStreamType": "DirectPut",
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": {"Fn::GetAtt": ["Target", "Arn"]},
                "RoleARN": arn,
                "Prefix": f"{name}/",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "CloudWatchLoggingOptions": logging,
            },
        },
    }


def _template() -> Template:
    writing = allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["Group", "Arn"]})
    speaking = function("FnRole")
    speaking["Properties"]["LoggingConfig"] = {"LogGroup": {"Ref": "Group"}}
    resources: dict[str, Any] = {
        "Group": {"Type": "AWS::Logs::LogGroup"},
        "Stream": {
            "Type": "AWS::Logs::LogStream",
            "Properties": {"LogGroupName": {"Ref": "Group"}, "LogStreamName": "probe"},
        },
        "Errors": _filter("Errors", "{ $.level = error }"),
        "Slow": _filter("Slow", "{ ($.level = error) && ($.took > 200) }"),
        "Never": _filter("Never", "{ $.level = fatal }"),
        "Took": _filter("Took", "{ $.level = error }", MetricValue="$.took"),
        "Routes": _filter(
            "Routes", "{ $.route = a }", Dimensions=[{"Key": "route", "Value": "$.route"}]
        ),
        "Printed": _filter("Printed", "CloudWatchMetrics"),
        "FnRole": role("lambda.amazonaws.com", writing),
        "Fn": speaking,
        "Target": {"Type": "AWS::S3::Bucket"},
        "Deliveries": {"Type": "AWS::Logs::LogGroup"},
        "Failures": {
            "Type": "AWS::Logs::LogStream",
            "Properties": {"LogGroupName": {"Ref": "Deliveries"}},
        },
        "Elsewhere": {
            "Type": "AWS::Logs::LogStream",
            "Properties": {"LogGroupName": {"Ref": "Group"}, "LogStreamName": "elsewhere"},
        },
        "DeliveryRole": role(
            "firehose.amazonaws.com",
            allow(["logs:PutLogEvents"], {"Fn::GetAtt": ["Deliveries", "Arn"]}),
        ),
        "Heard": _delivery("heard", {"Ref": "Failures"}),
        "Lost": _delivery("lost", {"Ref": "Elsewhere"}),
    }
    names = ("Group", "Deliveries", "Fn", "Heard", "Lost")
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in names}}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "logs", _template()) as found:
        yield found


def _sum(platform: Platform, name: str, **dimensions: str) -> float:
    found = platform.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
        Period=86_400,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


@pytest.mark.proves("AWS::Logs::MetricFilter")
def test_a_metric_filter_counts_what_its_pattern_matches(
    platform: Platform, stack: dict[str, str]
) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps(event)} for event in EVENTS]
    platform.client("logs").put_log_events(
        logGroupName=stack["Group"], logStreamName="probe", logEvents=events
    )
    wait_for(lambda: _sum(platform, "Errors") == 2, 10, "two errors")
    assert _sum(platform, "Slow") == 1
    assert _sum(platform, "Never") == 0
    assert _sum(platform, "Took") == 400
    assert _sum(platform, "Routes", route="a") == 2
    assert _sum(platform, "Routes", route="b") == 0


def test_what_a_function_prints_is_counted_too(platform: Platform, stack: dict[str, str]) -> None:
    invoke = {"FunctionName": stack["Fn"], "Payload": b'{"metric": 3}'}
    platform.client("lambda").invoke(**invoke)
    wait_for(lambda: _sum(platform, "Printed") == 1, 10, "the printed line")


def test_a_pattern_that_cannot_be_read_fails_the_stack(platform: Platform) -> None:
    template: Template = {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup"},
            "Filter": _filter("Broken", "{ $.level = }"),
        }
    }
    with pytest.raises(WaiterError):
        deploy(platform, "logs-broken", template)
    assert "ends too early" in " ".join(failure_reasons(platform, "logs-broken"))
    platform.client("cloudformation").delete_stack(StackName="logs-broken")


@pytest.mark.proves("AWS::Logs::LogStream")
def test_firehose_logs_errors_to_the_stream_its_group_holds(
    platform: Platform, stack: dict[str, str]
) -> None:
    client = platform.client("firehose")
    for name in ("Lost", "Heard"):
        client.put_record(DeliveryStreamName=stack[name], Record={"Data": b"x"})

    def logged() -> list[dict[str, Any]]:
        found = platform.client("logs").filter_log_events(logGroupName=stack["Deliveries"])
        return [json.loads(event["message"]) for event in found["events"]]

    # The first two tries: by the second, the stream that is not heard has failed as well.
    wait_for(lambda: len(logged()) >= 2, 15, "the delivery errors")
    assert {entry["errorCode"] for entry in logged()} == {"S3.AccessDenied"}
    assert {entry["deliveryStreamARN"].rsplit("/", 1)[-1] for entry in logged()} == {stack["Heard"]}


def _keyed(admitted: str) -> Template:
    """A log group under a key that admits CloudWatch Logs for the named groups only."""
    groups = f"arn:aws:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{admitted}"
    root = {
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    }  # fmt: skip
    logs = {
        "Effect": "Allow", "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
        "Principal": {"Service": {"Fn::Sub": "logs.${AWS::Region}.amazonaws.com"}}, "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": {"Fn::Sub": groups}}},
    }  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [root, logs]}
    return {
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
            "Group": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {
                    "LogGroupName": "/probe/keyed", "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
                },
            },
        }
    }  # fmt: skip


@pytest.mark.proves("AWS::Logs::LogGroup", "AWS::KMS::Key")
def test_a_log_groups_key_has_to_admit_the_service_for_it(platform: Platform) -> None:
    with deployed(platform, "logs-keyed", _keyed("/probe/*")):
        groups = platform.client("logs").describe_log_groups(logGroupNamePrefix="/probe/keyed")
        assert groups["logGroups"][0]["kmsKeyId"]
        refusing = _keyed("/other/*")
        refusing["Resources"]["Group"]["Properties"]["LogGroupName"] = "/probe/refused"
        with pytest.raises(WaiterError):
            deploy(platform, "logs-refused", refusing)
        reasons = " ".join(failure_reasons(platform, "logs-refused"))
        assert "not allowed to be used with Arn" in reasons
        platform.client("cloudformation").delete_stack(StackName="logs-refused")


def test_a_name_that_is_taken_is_refused(platform: Platform) -> None:
    """As after a job of SageMaker's, or a stack, that left its group."""
    name = "/aws/sagemaker/Endpoints/taken"
    platform.client("logs").create_log_group(logGroupName=name)
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
    with pytest.raises(WaiterError):
        deploy(platform, "taken-group", {"Resources": {"Group": group}})
    reasons = failure_reasons(platform, "taken-group")
    assert any("already exists" in reason for reason in reasons), reasons
