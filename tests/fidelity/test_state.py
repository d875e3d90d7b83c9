"""Refusals that lie in what exists beside a resource, or in what it was before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope
from ministack.services import cloudwatch, ec2, glue, iam, s3

from local.emulator import refusals
from local.services.glue import optimizers
from operations import fidelity

ACCOUNT, REGION = "111122223333", "eu-west-1"
BUCKET, POLICY = "AWS::S3::Bucket", "AWS::S3::BucketPolicy"
ENDPOINT, SUBNET = "AWS::EC2::VPCEndpoint", "AWS::EC2::Subnet"
STREAM, KEY = "AWS::KinesisFirehose::DeliveryStream", "AWS::KMS::Key"
ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
BLOCKED = (
    "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy>"
    "</PublicAccessBlockConfiguration>"
)
ICEBERG = {"Parameters": {"table_type": "ICEBERG", "metadata_location": "s3://lake/events/0"}}
OPTIMIZER = "AWS::Glue::TableOptimizer"
DNS = {"VpcId": "vpc-1", "ServiceName": "kms", "VpcEndpointType": "Interface"}


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    """An account with one of each resource that a rule looks at."""
    with request_scope(ACCOUNT, REGION):
        tables: list[tuple[Any, str, Any]] = [
            (s3._buckets, "logs", {"objects": {}}),
            (s3._buckets, "locked", {"objects": {}}),
            (s3._buckets, "raw", {"objects": {}, "_public_access_block": BLOCKED}),
            (s3._bucket_object_lock, "locked", {"default_retention": {"days": 1}}),
            (iam._roles, "jobs", {"AttachedPolicies": [f"p{n}" for n in range(9)]}),
            (iam._roles, "full", {"AttachedPolicies": [f"p{n}" for n in range(10)]}),
            (iam._policies, f"arn:aws:iam::{ACCOUNT}:policy/boundary", {}),
            (glue._tables, "lake/events", ICEBERG),
            (glue._tables, "lake/labels", ICEBERG),
            (glue._tables, "lake/plain", {}),
            (optimizers.STORED, "lake/labels/compaction", {}),
            (cloudwatch._composite_alarms, "unhealthy", {}),
            (ec2._vpcs, "vpc-1", _vpc(names=True)),
            (ec2._vpcs, "vpc-2", _vpc(names=False)),
            (ec2._subnets, "subnet-1", _subnet("subnet-1", "10.0.0.0/20")),
            (ec2._subnets, "subnet-2", _subnet("subnet-2", "10.0.16.0/20")),
            (ec2._vpc_endpoints, "vpce-1", _endpoint("vpce-1", "logs", PrivateDnsEnabled=True)),
            (ec2._vpc_endpoints, "vpce-2", _endpoint("vpce-2", "s3", RouteTableIds=["rtb-1"])),
        ]
        for table, name, record in tables:
            table[name] = record
        yield
        for table, name, _ in tables:
            table.pop(name, None)


def _vpc(*, names: bool) -> dict[str, Any]:
    return {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": True, "EnableDnsHostnames": names}


def _subnet(name: str, block: str) -> dict[str, Any]:
    return {"SubnetId": name, "VpcId": "vpc-1", "CidrBlock": block, "AvailabilityZone": "a"}


def _endpoint(name: str, service: str, **more: Any) -> dict[str, Any]:
    record = {"VpcEndpointId": name, "VpcId": "vpc-1", "ServiceName": service}
    return {**record, "RouteTableIds": [], "PrivateDnsEnabled": False, **more}


def _logging(target: str) -> dict[str, Any]:
    return {"LoggingConfiguration": {"DestinationBucketName": target}}


def _copied(target: str) -> dict[str, Any]:
    rule = {"Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}
    return {"ReplicationConfiguration": {"Rules": [rule]}}


def _policy(principal: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject"}
    document = {"Statement": [statement | {"Resource": "arn:aws:s3:::raw/*"}]}
    return {"Bucket": "raw", "PolicyDocument": document}


def _role(name: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{ACCOUNT}:role/millrace/{name}"}


def _optimizer(table: str, kind: str = "compaction") -> dict[str, Any]:
    return {"DatabaseName": "lake", "TableName": table, "Type": kind}


BESIDE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("access-log-target", BUCKET, _logging("nowhere"), _logging("logs")),
    (
        "replica-of-locked-needs-lock",
        BUCKET,
        {"ObjectLockEnabled": True} | _copied("logs"),
        {"ObjectLockEnabled": True} | _copied("locked"),
    ),
    ("public-policy-is-blocked", POLICY, _policy("*"), _policy(_role("jobs"))),
    ("policy-principals-exist", POLICY, _policy(_role("gone")), _policy(_role("jobs"))),
    (
        "boundary-exists",
        "AWS::IAM::Role",
        {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/gone"},
        {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
    ),
    (
        "role-policies-attached",
        "AWS::IAM::ManagedPolicy",
        {"Roles": ["jobs", "full"]},
        {"Roles": ["jobs"]},
    ),
    ("glue-optimizer-needs-iceberg", OPTIMIZER, _optimizer("plain"), _optimizer("events")),
    ("glue-optimizer-needs-iceberg", OPTIMIZER, _optimizer("absent"), _optimizer("events")),
    ("glue-optimizer-once", OPTIMIZER, _optimizer("labels"), _optimizer("labels", "retention")),
    ("alarm-name-is-free", COMPOSITE, {"AlarmName": "unhealthy"}, {"AlarmName": "prod-unhealthy"}),
    ("alarm-name-is-free", ALARM, {"AlarmName": "unhealthy"}, {}),
    (
        "endpoint-private-names-need-dns",
        ENDPOINT,
        DNS | {"VpcId": "vpc-2", "PrivateDnsEnabled": True},
        DNS | {"PrivateDnsEnabled": "true"},
    ),
    (
        "endpoint-private-names-once",
        ENDPOINT,
        DNS | {"ServiceName": "logs", "PrivateDnsEnabled": True},
        DNS | {"ServiceName": "logs"},
    ),
    (
        "gateway-endpoint-route-once",
        ENDPOINT,
        {"VpcId": "vpc-1", "ServiceName": "s3", "RouteTableIds": ["rtb-2", "rtb-1"]},
        {"VpcId": "vpc-1", "ServiceName": "s3", "RouteTableIds": ["rtb-2"]},
    ),
    (
        "endpoint-one-subnet-a-zone",
        ENDPOINT,
        DNS | {"SubnetIds": ["subnet-1", "subnet-2"]},
        DNS | {"SubnetIds": ["subnet-1"]},
    ),
    (
        "subnet-lies-in-its-vpc",
        SUBNET,
        {"VpcId": "vpc-1", "CidrBlock": "10.1.0.0/20"},
        {"VpcId": "vpc-1", "CidrBlock": "10.0.32.0/20"},
    ),
    (
        "subnets-do-not-overlap",
        SUBNET,
        {"VpcId": "vpc-1", "CidrBlock": "10.0.16.0/24"},
        {"VpcId": "vpc-2", "CidrBlock": "10.0.16.0/24"},
    ),
]


@pytest.mark.parametrize(("row", "kind", "refused", "allowed"), BESIDE)
def test_what_stands_beside_refuses(
    row: str, kind: str, refused: dict[str, Any], allowed: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        refusals.check_beside(kind, "Planted", refused)
    refusals.check_beside(kind, "Planted", allowed)


def _stream(**destination: Any) -> dict[str, Any]:
    return {"ExtendedS3DestinationConfiguration": destination}


PARTITIONED = _stream(DynamicPartitioningConfiguration={"Enabled": True})
BACKED_UP = _stream(S3BackupMode="Enabled")
TABLE = "AWS::Glue::Table"


def _iceberg(**table: str) -> dict[str, Any]:
    asked = {"IcebergInput": {"MetadataOperation": "CREATE"}}
    return {"DatabaseName": "lake", "TableInput": table, "OpenTableFormatInput": asked}


EVENTS = _iceberg(Name="events")
CHANGES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("firehose-partitioning-is-for-new-streams", STREAM, _stream(), PARTITIONED),
    ("firehose-partitioning-is-for-new-streams", STREAM, PARTITIONED, _stream()),
    ("firehose-backup-stays", STREAM, BACKED_UP, _stream()),
    ("key-kind-is-fixed", KEY, {}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}),
    ("glue-iceberg-is-not-updated", TABLE, EVENTS, _iceberg(Name="events", Description="new")),
    ("glue-iceberg-is-not-updated", TABLE, EVENTS, EVENTS | {"OpenTableFormatInput": {}}),
    ("glue-iceberg-is-not-updated", TABLE, EVENTS | {"OpenTableFormatInput": {}}, EVENTS),
    ("object-lock-stays", BUCKET, {"ObjectLockEnabled": True}, {"ObjectLockEnabled": False}),
]


@pytest.mark.parametrize(("row", "kind", "old", "new"), CHANGES)
def test_the_change_is_refused(
    row: str, kind: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        refusals.check_change(kind, "Planted", old, new)
    refusals.check_change(kind, "Planted", old, old | {"Tags": [{"Key": "a", "Value": "b"}]})


def test_a_table_of_iceberg_gives_way_to_one_of_another_name() -> None:
    refusals.check_change(TABLE, "Planted", EVENTS, _iceberg(Name="events_2", Description="new"))
    refusals.check_change(TABLE, "Planted", EVENTS, EVENTS | {"DatabaseName": "other"})


def test_each_rule_of_state_has_a_row_and_a_case() -> None:
    rules = refusals.rows_of_state()
    assert rules == {case[0] for case in [*BESIDE, *CHANGES]}
    assert rules <= {name for name, _ in fidelity.rows(fidelity.read())}
