"""Deploying consumers of changed outputs, and saying what a deletion leaves."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from operations.assembly import consumed_outputs
from operations.deploy import stale_consumers
from operations.deployed import Resource
from operations.destroy import empty_bucket
from operations.leftovers import leftovers

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def _reads(stack: str, output: str) -> dict[str, object]:
    reference = {"Fn::GetStackOutput": {"StackName": stack, "OutputName": output}}
    return {"Resources": {"Reader": {"Properties": {"Arn": [reference]}}}}


def test_consumed_outputs_are_found_at_any_depth() -> None:
    assert list(consumed_outputs(_reads("lake", "BucketArn"))) == [("lake", "BucketArn")]


def test_a_changed_output_makes_its_consumer_stale_and_nobody_else() -> None:
    assembly = {"reader": _reads("lake", "BucketArn"), "other": _reads("lake", "KeyArn")}
    before = {"lake": {"BucketArn": "a", "KeyArn": "k"}, "reader": {}, "other": {}}
    after = {"lake": {"BucketArn": "b", "KeyArn": "k"}, "reader": {}, "other": {}}
    assert stale_consumers(before, after, assembly) == ["reader"]


def test_a_consumer_that_was_just_created_is_not_stale() -> None:
    assembly = {"reader": _reads("lake", "BucketArn")}
    before = {"lake": {"BucketArn": "a"}}
    after = {"lake": {"BucketArn": "b"}, "reader": {}}
    assert stale_consumers(before, after, assembly) == []


@mock_aws
def test_emptying_a_bucket_removes_versions_and_delete_markers() -> None:
    session = boto3.Session(region_name=REGION)
    s3 = session.client("s3")
    s3.create_bucket(Bucket="zone", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="zone", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="zone", Key="a", Body=b"1")
    s3.put_object(Bucket="zone", Key="a", Body=b"2")
    s3.delete_object(Bucket="zone", Key="a")
    assert empty_bucket(session, "zone") == 3
    assert not s3.list_object_versions(Bucket="zone").get("Versions")


@mock_aws
def test_only_resources_that_still_exist_are_left() -> None:
    session = boto3.Session(region_name=REGION)
    session.client("s3").create_bucket(
        Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    resources = [
        Resource("gone", "Kept", "AWS::S3::Bucket", "kept"),
        Resource("gone", "Deleted", "AWS::S3::Bucket", "deleted"),
        Resource("stays", "InLiveStack", "AWS::S3::Bucket", "kept"),
    ]
    found = leftovers(session, resources, stacks_left={"stays"})
    assert [(item.logical_id, item.state) for item in found] == [("Kept", "kept with its objects")]
