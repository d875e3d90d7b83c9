"""Deploying consumers of changed outputs, and saying what a deletion leaves."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from core.names import Scope
from operations import destroy
from operations.assembly import consumed_outputs
from operations.cdk import CdkError
from operations.deploy import stale_consumers
from operations.deployed import Deployed, Resource
from operations.destroy import assert_buckets_answer, empty_bucket
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


class _Cli:
    """Stands for the cdk CLI: notes what it is told, fails as often as it should."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[list[str]] = []

    def __call__(self, arguments: list[str], **_options: object) -> None:
        self.calls.append(arguments[arguments.index("--exclusively") + 1 :])
        if "lake" in self.calls[-1] and self.failures:
            self.failures -= 1
            raise CdkError(1)


@mock_aws
@pytest.mark.parametrize("failures", [0, 2])
def test_writers_go_first_and_a_refilled_bucket_is_emptied_again(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    session, cli = boto3.Session(region_name=REGION), _Cli(failures)
    monkeypatch.setattr(destroy, "run_cdk", cli)
    bucket = Resource("lake", "Raw", "AWS::S3::Bucket", "raw")
    deployed = Deployed(Scope("flights", "dev", "flights"), ("lake", "ingestion"), (bucket,), {})
    assert destroy._destroy_with_data(session, deployed, ["ingestion", "lake"], None) == 0
    assert cli.calls == [["ingestion"], *[["lake"]] * (failures + 1)]


@mock_aws
def test_a_deletion_that_keeps_failing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(region_name=REGION)
    monkeypatch.setattr(destroy, "run_cdk", _Cli(99))
    bucket = Resource("lake", "Raw", "AWS::S3::Bucket", "raw")
    deployed = Deployed(Scope("flights", "dev", "flights"), ("lake",), (bucket,), {})
    with pytest.raises(CdkError):
        destroy._destroy_with_data(session, deployed, ["lake"], None)


def test_who_may_not_look_into_a_bucket_is_told_before_anything_is_deleted() -> None:
    client = boto3.client("s3", region_name=REGION)
    with Stubber(client) as stub:
        stub.add_response("list_object_versions", {}, {"Bucket": "open", "MaxKeys": 1})
        stub.add_client_error("list_object_versions", "AccessDenied")
        with pytest.raises(SystemExit, match=r"closed does not let .*break_glass_roles"):
            assert_buckets_answer(client, ["open", "closed", "never asked"])
        stub.assert_no_pending_responses()
