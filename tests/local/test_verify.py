"""Every check of ``make verify-aws`` holds for a deployment, and can be made to fail.

The production settings buffer records for five minutes, so the check that waits for records runs
on the demo's, which differ in periods and buffers only.
"""

from __future__ import annotations

import dataclasses
import json
import uuid

import pytest

from config.load import Deployment
from core import names
from local.platform import Platform
from local.platform_processes import free_port
from operations import checks
from operations.checks import CHECKS, Check
from operations.subject import CheckFailedError, Subject
from operations.verify_aws import verify
from tests.support.deployments import subject_of

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

BUFFERED = (checks.records_reach_their_place, checks.failed_records_have_a_type)
AT_ONCE = tuple(check for check in CHECKS if check not in BUFFERED)


@pytest.fixture(scope="module")
def prod(prod_deployment: Platform) -> Subject:
    """The deployed production settings."""
    return subject_of(prod_deployment, "prod")


@pytest.fixture(scope="module")
def demo(demo_deployment: Platform) -> Subject:
    """The deployed settings of the demo."""
    return subject_of(demo_deployment, "demo")


@pytest.mark.parametrize("check", AT_ONCE, ids=lambda check: check.__name__)
def test_holds_for_production(prod: Subject, check: Check) -> None:
    assert check(prod)


def test_what_waits_for_records_holds_for_the_demo(demo: Subject) -> None:
    """In this order: the second looks at what the first has failed."""
    assert [check(demo) for check in BUFFERED]


def test_a_moved_pointer_is_noticed(prod: Subject) -> None:
    ssm, name = prod.session.client("ssm"), prod.scope.pointer(names.CHALLENGER)
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value=f"{before}0", Type="String", Overwrite=True)
    try:
        with pytest.raises(CheckFailedError, match="pointers"):
            checks.pointers_are_what_serves(prod)
    finally:
        ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)


def test_a_trail_that_was_stopped_is_noticed(prod: Subject) -> None:
    cloudtrail = prod.session.client("cloudtrail")
    trail = prod.deployed.one("AWS::CloudTrail::Trail", "audit", "AuditTrailManagement")
    cloudtrail.stop_logging(Name=trail)
    try:
        with pytest.raises(CheckFailedError, match="off"):
            checks.trail_is_logging(prod)
    finally:
        cloudtrail.start_logging(Name=trail)


def _writer(prod: Subject, group: str) -> str:
    """A role with which any trail may write to the group: ours names the trail that it is for."""
    statement = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust["Principal"] = {"Service": "cloudtrail.amazonaws.com"}  # type: ignore[assignment]
    iam, name = prod.session.client("iam"), f"writer-{uuid.uuid4().hex[:8]}"
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
    allowed = {"Version": "2012-10-17", "Statement": [statement | {"Resource": group}]}
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=json.dumps(allowed))
    return str(role["Arn"])


def test_an_object_trail_with_a_log_group_is_noticed(prod: Subject) -> None:
    cloudtrail = prod.session.client("cloudtrail")
    trail = prod.scope.stack_prefix.lower()
    (managing,) = [t for t in cloudtrail.describe_trails()["trailList"] if t["Name"] != trail]
    group = managing["CloudWatchLogsLogGroupArn"]
    sent = {"CloudWatchLogsLogGroupArn": group, "CloudWatchLogsRoleArn": _writer(prod, group)}
    cloudtrail.update_trail(Name=trail, **sent)
    try:
        with pytest.raises(CheckFailedError, match="has log group"):
            checks.trail_is_logging(prod)
    finally:
        empty = dict.fromkeys(sent, "")
        cloudtrail.update_trail(Name=trail, **empty)


@pytest.mark.parametrize("key", ["part", "elasticsearch-failed/part"])
def test_an_error_object_without_a_known_type_is_noticed(demo: Subject, key: str) -> None:
    s3 = demo.session.client("s3")
    place = {
        "Bucket": demo.deployed.bucket("raw"),
        "Key": f"{names.RAW_ERRORS[names.EVENTS]}{key}",
    }
    s3.put_object(**place, Body=b"{}")
    try:
        with pytest.raises(CheckFailedError, match="objects of"):
            checks.failed_records_have_a_type(demo)
    finally:
        s3.delete_object(**place)


def test_a_log_group_that_a_service_made_is_noticed(prod: Subject) -> None:
    logs = prod.session.client("logs")
    name = f"/aws-glue/jobs/{prod.scope.stack_prefix}-role{prod.scope.role_path}Other/output"
    logs.create_log_group(logGroupName=name)
    try:
        with pytest.raises(CheckFailedError, match="Other/output"):
            checks.log_groups_forget(prod)
    finally:
        logs.delete_log_group(logGroupName=name)


def test_a_role_without_its_boundary_is_noticed(prod: Subject) -> None:
    iam = prod.session.client("iam")
    role = prod.deployed.of_type("AWS::IAM::Role")[-1].physical_id
    boundary = iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]
    iam.delete_role_permissions_boundary(RoleName=role)
    try:
        with pytest.raises(CheckFailedError, match="no boundary"):
            checks.roles_are_bounded(prod)
    finally:
        iam.put_role_permissions_boundary(
            RoleName=role, PermissionsBoundary=boundary["PermissionsBoundaryArn"]
        )


def test_a_bucket_open_to_plain_http_is_noticed(prod: Subject) -> None:
    s3, bucket = prod.session.client("s3"), prod.deployed.bucket("features")
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(policy)
    document["Statement"] = [
        s for s in document["Statement"] if "aws:SecureTransport" not in json.dumps(s)
    ] or [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketAcl", "Resource": "*"}]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    try:
        with pytest.raises(CheckFailedError, match="plain HTTP"):
            checks.plain_http_is_denied(prod)
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@pytest.mark.parametrize("lost", ["the statement", "the endpoint"])
def test_a_bucket_open_from_outside_is_noticed(prod: Subject, lost: str) -> None:
    s3, bucket = prod.session.client("s3"), prod.deployed.bucket("features")
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(policy)
    for statement in document["Statement"]:
        if statement.get("Sid") == names.PERIMETER_STATEMENT and lost == "the statement":
            statement["Sid"] = "Renamed"
        elif statement.get("Sid") == names.PERIMETER_STATEMENT:
            statement["Condition"]["StringNotEquals"]["aws:SourceVpce"] = "vpce-of-yesterday"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    try:
        with pytest.raises(CheckFailedError, match=r"no perimeter|does not name"):
            checks.buckets_are_closed_from_outside(prod)
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_nothing_deployed_fails_every_check(prod: Subject) -> None:
    settings = prod.deployment.settings.model_copy(update={"instance": "nowhere"})
    elsewhere: Deployment = dataclasses.replace(prod.deployment, settings=settings)
    closed = f"https://localhost:{free_port()}/v1"
    nothing = Subject(
        elsewhere, prod.session, closed, ca_bundle=prod.ca_bundle, patience_seconds=0.1
    )
    held = [name for name, holds, _ in verify(nothing) if holds]
    assert held == []
