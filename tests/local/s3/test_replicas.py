"""Replication is the role's doing: what it may not read, write or encrypt is not replicated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.platform import Platform
from tests.support.probe_stack import Template, allow, deploy, deployed, failure_reasons, role

pytestmark = pytest.mark.platform

READ = allow(["s3:GetObjectVersionForReplication"], "*")
WRITE = allow(["s3:ReplicateObject"], "*")
DELETE = allow(["s3:ReplicateDelete"], "*")
ROLES = {
    "Whole": (READ, WRITE, DELETE),
    "Blind": (WRITE, DELETE),
    "Mute": (READ, DELETE),
    "Clinging": (READ, WRITE),
}
REPLICA, REGION = "millrace-probe-replica", "eu-central-1"


def _versioned(**properties: Any) -> dict[str, Any]:
    properties["VersioningConfiguration"] = {"Status": "Enabled"}
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def _source(name: str, destination: str = REPLICA) -> dict[str, Any]:
    rule = {
        "Id": "everything",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
    }
    configuration = {"Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]}, "Rules": [rule]}
    return _versioned(ReplicationConfiguration=configuration)


def _template() -> Template:
    resources: dict[str, Any] = {}
    for name, statements in ROLES.items():
        resources[f"{name}Role"] = role("s3.amazonaws.com", *statements)
        resources[name] = _source(name)
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in ROLES}}


def _clear(platform: Platform, bucket: str) -> None:
    s3 = platform.client("s3", region=REGION if bucket == REPLICA else None)
    found = s3.list_object_versions(Bucket=bucket)
    for entry in found.get("Versions", []) + found.get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    """Buckets whose roles differ in one permission each, with one destination."""
    s3 = platform.client("s3", region=REGION)
    place = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=REPLICA, CreateBucketConfiguration=place)
    s3.put_bucket_versioning(Bucket=REPLICA, VersioningConfiguration={"Status": "Enabled"})
    with deployed(platform, "replicas", _template()) as found:
        try:
            yield found
        finally:
            for bucket in (*found.values(), REPLICA):
                _clear(platform, bucket)
    s3.delete_bucket(Bucket=REPLICA)


def _replicated(platform: Platform) -> set[str]:
    found = platform.client("s3", region=REGION).list_objects_v2(Bucket=REPLICA)
    return {entry["Key"] for entry in found.get("Contents", [])}


@pytest.mark.proves("AWS::S3::Bucket", "AWS::IAM::Role")
def test_what_the_role_may_read_and_write_is_replicated(
    platform: Platform, stack: dict[str, str]
) -> None:
    s3 = platform.client("s3")
    for name, bucket in stack.items():
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    assert _replicated(platform) == {"Whole", "Clinging"}
    status = s3.head_object(Bucket=stack["Blind"], Key="Blind")["ReplicationStatus"]
    assert status == "FAILED"
    for name in ("Whole", "Clinging"):
        s3.delete_object(Bucket=stack[name], Key=name)
    assert _replicated(platform) == {"Clinging"}


def test_a_destination_that_is_not_there_is_refused(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert stack
    template = {
        "Resources": {"ARole": role("s3.amazonaws.com"), "A": _source("A", "nowhere-at-all")}
    }
    with pytest.raises(Exception, match="StackCreateComplete"):
        deploy(platform, "no-replica", template)
    reasons = failure_reasons(platform, "no-replica")
    assert any("Destination bucket must exist" in reason for reason in reasons), reasons
    platform.client("cloudformation").delete_stack(StackName="no-replica")
