"""What ``make verify-aws`` asks of a deployment, one function a claim of docs/first-deploy.md.

Each check returns the evidence it saw or raises ``CheckFailedError`` with what it saw instead. The
same checks run against the local platform in the tests, so a check that can't pass is noticed.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from config.contract import example_record
from core import names
from model_code import tasks
from operations.checks_lake import catalog_follows_contract, curated_tables_are_icebergs
from operations.checks_services import (
    failed_records_have_a_type,
    log_groups_forget,
    stage_is_limited,
    trail_is_logging,
)
from operations.deployed import Resource, describe_stacks
from operations.subject import CheckFailedError, Subject

Check = Callable[[Subject], str]


def _require(condition: bool, seen: str) -> None:
    if not condition:
        raise CheckFailedError(seen)


def _present(subject: Subject, resource_type: str) -> list[Resource]:
    """Resources of a type; none would let a check pass that looked at nothing."""
    found = subject.deployed.of_type(resource_type)
    _require(bool(found), f"no {resource_type} is deployed")
    return found


def _wait(subject: Subject, look: Callable[[], str | None], wanted: str) -> str:
    deadline = time.monotonic() + subject.patience_seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(min(5.0, subject.patience_seconds / 20))
    raise CheckFailedError(f"{wanted}: not seen within {subject.patience_seconds:.0f} s")


def stacks_are_complete(subject: Subject) -> str:
    """Every stack is in a complete state."""
    stacks = describe_stacks(subject.session.client("cloudformation"), subject.scope)
    _require(bool(stacks), "no stack is deployed")
    bad = [s["StackName"] for s in stacks if not s["StackStatus"].endswith("_COMPLETE")]
    bad += [s["StackName"] for s in stacks if "ROLLBACK" in s["StackStatus"]]
    _require(not bad, f"not complete: {', '.join(bad)}")
    return f"{len(stacks)} stacks complete"


def roles_are_bounded(subject: Subject) -> str:
    """Every role has the permissions boundary, the path and no inline policy."""
    iam = subject.session.client("iam")
    roles = _present(subject, "AWS::IAM::Role")
    for resource in roles:
        role = iam.get_role(RoleName=resource.physical_id)["Role"]
        _require("PermissionsBoundary" in role, f"{role['RoleName']} has no boundary")
        paths = (subject.scope.role_path, subject.scope.service_role_path)
        _require(role["Path"] in paths, f"{role['RoleName']}: {role['Path']}")
        inline = iam.list_role_policies(RoleName=resource.physical_id)["PolicyNames"]
        _require(not inline, f"{role['RoleName']} has inline policies {inline}")
    return f"{len(roles)} roles under {subject.scope.role_path}"


def keys_rotate(subject: Subject) -> str:
    """Every customer-managed key that encrypts rotates; KMS rotates no HMAC key."""
    kms = subject.session.client("kms")
    keys = [
        key
        for key in _present(subject, "AWS::KMS::Key")
        if kms.describe_key(KeyId=key.physical_id)["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"
    ]
    still = [
        key.logical_id
        for key in keys
        if not kms.get_key_rotation_status(KeyId=key.physical_id)["KeyRotationEnabled"]
    ]
    _require(not still, f"no rotation: {', '.join(still)}")
    return f"{len(keys)} keys rotate"


def plain_http_is_denied(subject: Subject) -> str:
    """Every bucket's policy denies requests without TLS."""
    s3 = subject.session.client("s3")
    buckets = _present(subject, "AWS::S3::Bucket")
    for bucket in buckets:
        policy = s3.get_bucket_policy(Bucket=bucket.physical_id)["Policy"]
        _require("aws:SecureTransport" in policy, f"{bucket.physical_id} accepts plain HTTP")
    return f"{len(buckets)} buckets refuse plain HTTP"


def buckets_are_closed_from_outside(subject: Subject) -> str:
    """Every bucket's policy has the perimeter, and the zones' names the endpoint that exists."""
    _require(subject.deployment.settings.perimeter.enabled, "the settings switch it off")
    s3 = subject.session.client("s3")
    (endpoint,) = {
        found.physical_id
        for found in _present(subject, "AWS::EC2::VPCEndpoint")
        if found.logical_id.startswith("VpcS3")
    }
    buckets = _present(subject, "AWS::S3::Bucket")
    for bucket in buckets:
        policy = s3.get_bucket_policy(Bucket=bucket.physical_id)["Policy"]
        _require(names.PERIMETER_STATEMENT in policy, f"{bucket.physical_id} has no perimeter")
        named = bucket.stack != "data-lake" or endpoint in policy
        _require(named, f"{bucket.physical_id} does not name {endpoint}")
    return f"{len(buckets)} buckets; zones name {endpoint}"


def api_answers_signed_requests_only(subject: Subject) -> str:
    """A signed valid record is answered, an unsigned one is refused."""
    record = json.dumps(example_record(subject.deployment.contract["event"]))
    answer = subject.call_api("POST", names.ROUTE_PREDICTIONS, record)
    _require(answer.status_code == 200, f"signed: {answer.status_code} {answer.text[:200]}")
    unsigned = subject.call_api("POST", names.ROUTE_PREDICTIONS, record, signed=False)
    _require(unsigned.status_code == 403, f"unsigned: {unsigned.status_code}")
    members = tasks.of(subject.deployment.contract).schema()
    said = ", ".join(f"{name} {answer.json()[name]}" for name in members)
    return f"{said}; unsigned: 403"


def api_refuses_bad_requests(subject: Subject) -> str:
    """A record without a required field gets 400 with its name, another content type 415."""
    record = example_record(subject.deployment.contract["event"])
    missing = subject.deployment.contract["event"]["time_field"]
    record.pop(missing)
    bad = subject.call_api("POST", names.ROUTE_PREDICTIONS, json.dumps(record))
    _require(bad.status_code == 400, f"missing field: {bad.status_code}")
    _require(bad.json()["error"]["field"] == missing, f"missing field: {bad.text[:200]}")
    other = subject.call_api(
        "POST", names.ROUTE_PREDICTIONS, json.dumps(record), content_type="text/plain"
    )
    _require(other.status_code in {400, 415}, f"text/plain: {other.status_code}")
    return f"missing field 400, text/plain {other.status_code}"


def _keys(subject: Subject, zone: str, prefix: str) -> set[str]:
    pages = subject.session.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=subject.deployed.bucket(zone), Prefix=prefix)
    return {item["Key"] for page in found for item in page.get("Contents", [])}


def prediction_is_captured(subject: Subject) -> str:
    """A prediction appears in the data capture."""
    before = _keys(subject, "monitoring", names.MONITORING_CAPTURE)
    record = json.dumps(example_record(subject.deployment.contract["event"]))
    subject.call_api("POST", names.ROUTE_PREDICTIONS, record)

    def look() -> str | None:
        new = _keys(subject, "monitoring", names.MONITORING_CAPTURE) - before
        return min(new, default=None)

    return _wait(subject, look, "a capture object")


def records_reach_their_place(subject: Subject) -> str:
    """A valid record becomes Parquet, a broken one an error, both are kept, by day of arrival."""
    firehose = subject.session.client("firehose")
    stream = subject.deployed.delivery_stream(names.EVENTS)
    prefixes = (
        names.RAW_STREAM[names.EVENTS],
        names.RAW_ERRORS[names.EVENTS],
        names.RAW_BACKUP[names.EVENTS],
    )
    before = {prefix: _keys(subject, "raw", prefix) for prefix in prefixes}
    record, sent = example_record(subject.deployment.contract["event"]), _today()
    for body in (json.dumps(record), f"not JSON {uuid.uuid4()}"):
        firehose.put_record(DeliveryStreamName=stream, Record={"Data": f"{body}\n".encode()})

    def look() -> str | None:
        found = {prefix: _keys(subject, "raw", prefix) - before[prefix] for prefix in prefixes}
        new = [[key for key in keys if _is_of(key, sent, _today())] for keys in found.values()]
        return ", ".join(map(min, new)) if all(new) else None

    return _wait(subject, look, "Parquet, error and backup objects of the day")


def _today() -> str:
    return str(datetime.now(UTC).date())


def _is_of(key: str, *days: str) -> bool:
    """Whether an object's folder is one of the days, in one word or by year, month and day."""
    folder = key.rpartition("/")[0].replace("/", "-")
    return any(day in folder for day in days)


def pointers_are_what_serves(subject: Subject) -> str:
    """The serving stack's resolved parameters are the pointers' values."""
    ssm = subject.session.client("ssm")
    pointers = {
        ssm.get_parameter(Name=subject.scope.pointer(variant))["Parameter"]["Value"]
        for variant in names.VARIANTS
    }
    stacks = describe_stacks(subject.session.client("cloudformation"), subject.scope)
    serving = [
        s
        for s in stacks
        if s["StackName"] == subject.scope.stack(subject.scope.model_stack("serving"))
    ]
    resolved = {p.get("ResolvedValue") for s in serving for p in s.get("Parameters", [])}
    _require(pointers <= resolved, f"pointers {pointers}, stack {resolved}")
    return ", ".join(sorted(pointers))


CHECKS: tuple[Check, ...] = (
    stacks_are_complete,
    roles_are_bounded,
    keys_rotate,
    plain_http_is_denied,
    buckets_are_closed_from_outside,
    catalog_follows_contract,
    curated_tables_are_icebergs,
    api_answers_signed_requests_only,
    api_refuses_bad_requests,
    pointers_are_what_serves,
    prediction_is_captured,
    records_reach_their_place,
    failed_records_have_a_type,
    trail_is_logging,
    log_groups_forget,
    stage_is_limited,
)
