"""What a bucket announces, locks and refuses to publish, next to one without that property."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support.probe_stack import Template, deployed, wait_for

pytestmark = pytest.mark.platform


def _bucket(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def _blocked(*, policies: bool) -> dict[str, Any]:
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls"), True)
    block |= dict.fromkeys(("BlockPublicPolicy", "RestrictPublicBuckets"), policies)
    return {"PublicAccessBlockConfiguration": block}


def _announcing() -> dict[str, Any]:
    """Everything that S3 says to EventBridge ends in a queue."""
    queue = {"Fn::GetAtt": ["Heard", "Arn"]}
    admitted = {
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue,
        "Principal": {"Service": "events.amazonaws.com"},
    }  # fmt: skip
    return {
        "Heard": {"Type": "AWS::SQS::Queue"},
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Heard"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [admitted]},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.s3"]},
                "Targets": [{"Id": "queue", "Arn": queue}],
            },
        },
    }


def _template() -> Template:
    enabled = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Days": 1, "Mode": "GOVERNANCE"}},
    }
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    resources = {
        "Loud": _bucket(NotificationConfiguration=enabled, **_blocked(policies=True)),
        "Silent": _bucket(**_blocked(policies=False)),
        "Locked": _bucket(ObjectLockEnabled=True, ObjectLockConfiguration=lock, **versions),
        "Unlocked": _bucket(**versions),
        **_announcing(),
    }
    outputs: dict[str, Any] = {"Heard": {"Value": {"Ref": "Heard"}}}
    for name in ("Loud", "Silent", "Locked", "Unlocked"):
        outputs[f"{name}Bucket"] = {"Value": {"Ref": name}}
    return {"Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "buckets", _template()) as found:
        yield found


@pytest.mark.proves("AWS::S3::Bucket")
def test_a_bucket_announces_objects_when_told_to(platform: Platform, stack: dict[str, str]) -> None:
    s3, sqs = platform.client("s3"), platform.client("sqs")
    for name in ("Silent", "Loud"):
        s3.put_object(Bucket=stack[f"{name}Bucket"], Key="x", Body=b"x")

    def heard() -> list[str]:
        answer = sqs.receive_message(QueueUrl=stack["Heard"], MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return [body["detail"]["bucket"]["name"] for body in bodies]

    assert wait_for(heard, 10, "the announcement") == [stack["LoudBucket"]]


@pytest.mark.proves("AWS::S3::Bucket")
def test_a_locked_bucket_keeps_its_versions(platform: Platform, stack: dict[str, str]) -> None:
    s3 = platform.client("s3")
    versions = {}
    for name in ("Locked", "Unlocked"):
        bucket = stack[f"{name}Bucket"]
        answer = s3.put_object(Bucket=bucket, Key="x", Body=b"x", ChecksumAlgorithm="SHA256")
        versions[name] = {"Bucket": bucket, "Key": "x", "VersionId": answer["VersionId"]}
    s3.delete_object(**versions["Unlocked"])
    with pytest.raises(ClientError, match="object lock"):
        s3.delete_object(**versions["Locked"])
    s3.delete_object(**versions["Locked"], BypassGovernanceRetention=True)


@pytest.mark.proves("AWS::S3::Bucket")
def test_a_bucket_that_blocks_public_policies_refuses_one(
    platform: Platform, stack: dict[str, str]
) -> None:
    s3 = platform.client("s3")

    def publish(name: str) -> None:
        bucket = stack[f"{name}Bucket"]
        statement = {
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    publish("Silent")
    with pytest.raises(ClientError, match="BlockPublicPolicy"):
        publish("Loud")
