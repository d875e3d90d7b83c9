"""What CloudTrail tries before it makes or changes a trail: the bucket, its key, the log group.

It reads the bucket's ACL and writes below ``AWSLogs/<account>/``, as itself and for the trail.
Under a customer key S3 asks KMS for the trail and the object; with a Bucket Key it asks for the
bucket, wants ``kms:Decrypt`` too, and names no trail. Which encryption the digest files ask for is
not documented (they were under S3's own key for years), so both have to be taken. Logs are sent
with the role, which CloudTrail has to be able to assume whether it says for whom or not.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from local.emulator import refusals, role_trust, service_roles
from local.emulator.admission import assert_admitted
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.kms.key_policies import customer_key, has_bucket_key

SERVICE = "cloudtrail.amazonaws.com"
TRAIL = "AWS::CloudTrail::Trail"
_MODULE = "ministack.services.cloudtrail"
_SSE = "s3:x-amz-server-side-encryption"
_TLS = {"s3:tlsversion": "1.3"}

pin(
    _MODULE,
    _create_trail="callable",
    _update_trail="callable",
    _err="callable",
    _trail_arn="callable",
    _trails="scoped",
    _DISPATCH=dict,
)

Refusal = tuple[str, str]
"""Error code and message of CloudTrail."""


def refusal(trail: dict[str, Any]) -> Refusal | None:
    """Why CloudTrail would not take a trail; None if it would."""
    bucket, key = trail["S3BucketName"], customer_key(trail.get("KmsKeyId", ""))
    for check in (_bucket_refusal, _key_refusal):
        if found := check(trail["TrailARN"], bucket, key):
            return found
    return _log_refusal(trail)


def _bucket_refusal(trail: str, bucket: str, key: str | None) -> Refusal | None:
    account = trail.split(":")[4]
    arn = f"arn:aws:s3:::{bucket}"
    acl = {"s3:x-amz-acl": "bucket-owner-full-control"} | _TLS
    try:
        assert_admitted(SERVICE, "s3:GetBucketAcl", arn, trail, dict(_TLS))
        for headers in _encryption_headers(key):
            place = f"{arn}/AWSLogs/{account}/CloudTrail"
            assert_admitted(SERVICE, "s3:PutObject", place, trail, acl | headers)
    except service_roles.AccessDeniedError as error:
        message = f"Incorrect S3 bucket policy is detected for bucket: {bucket} ({error})"
        return "InsufficientS3BucketPolicyException", message
    return None


def _encryption_headers(key: str | None) -> Iterator[dict[str, str]]:
    """Of log files, and of digest files in either world."""
    yield {_SSE: "AES256"}
    if key:
        yield {_SSE: "aws:kms", f"{_SSE}-aws-kms-key-id": key}


def _key_refusal(trail: str, bucket: str, key: str | None) -> Refusal | None:
    if key is None:
        return None
    try:
        assert_admitted(SERVICE, "kms:DescribeKey", key, trail, {})
        for action, context in _key_uses(trail, bucket):
            assert_admitted(SERVICE, action, key, trail, context)
    except service_roles.AccessDeniedError as error:
        message = f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}."
        return "InsufficientEncryptionPolicyException", f"{message} ({error})"
    return None


def _key_uses(trail: str, bucket: str) -> Iterator[tuple[str, dict[str, str]]]:
    arn, context = f"arn:aws:s3:::{bucket}", "kms:encryptioncontext:"
    if has_bucket_key(bucket):
        yield "kms:GenerateDataKey", {f"{context}aws:s3:arn": arn}
        yield "kms:Decrypt", {f"{context}aws:s3:arn": arn}
        return
    place = f"{arn}/AWSLogs/{trail.split(':')[4]}/CloudTrail"
    named = {f"{context}aws:s3:arn": place, f"{context}aws:cloudtrail:arn": trail}
    yield "kms:GenerateDataKey", named


def _log_refusal(trail: dict[str, Any]) -> Refusal | None:
    group, role = trail.get("CloudWatchLogsLogGroupArn"), trail.get("CloudWatchLogsRoleArn")
    if not group or not role:
        return None
    try:
        role_trust.assert_trusted(role, SERVICE, trail["TrailARN"])
    except service_roles.AccessDeniedError as error:
        message = f"Access denied. Check the trust relationships for your role. ({error})"
        return "InvalidCloudWatchLogsRoleArnException", message
    account, region = trail["TrailARN"].split(":")[4], trail["TrailARN"].split(":")[3]
    stream = f"{group.removesuffix(':*')}:log-stream:{account}_CloudTrail_{region}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        if not service_roles.allowed(role, action, stream, service=SERVICE):
            message = f"Access denied. Check the permissions for your role. ({action} on {stream})"
            return "InvalidCloudWatchLogsLogGroupArnException", message
    return None


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply(body: dict[str, Any]) -> Any:
        from ministack.services import cloudtrail, s3

        name = str(body.get("Name", "")).rsplit("/", 1)[-1]
        known = dict(cloudtrail._trails.get(name) or {})
        trail = {"TrailARN": cloudtrail._trail_arn(name), **known, **body}
        if said := _ruled(name, trail):
            kind = "TrailName" if "TrailName" in said else "ParameterCombination"
            return cloudtrail._err(f"Invalid{kind}Exception", said)
        if trail.get("S3BucketName") in s3._buckets and (found := refusal(trail)):
            return cloudtrail._err(*found)
        return original(body)

    return apply


def _ruled(name: str, trail: dict[str, Any]) -> str:
    """What the rules of templates say of a call's trail; unset members are empty."""
    given = {member: value for member, value in trail.items() if value != ""}
    return refusals.of_call(TRAIL, {**given, "TrailName": name, "IsLogging": True})


def _selected(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(body: dict[str, Any]) -> Any:
        from ministack.services import cloudtrail

        name = str(body.get("TrailName", "")).rsplit("/", 1)[-1]
        known = cloudtrail._trails.get(name)
        if known is not None and (said := _ruled(name, {**known, **body})):
            return cloudtrail._err("InvalidEventSelectorsException", said)
        return original(body)

    return put


def attach(_tables: Tables) -> None:
    """Try before a trail is made or changed."""
    from ministack.services import cloudtrail

    for name, operation in (("_create_trail", "CreateTrail"), ("_update_trail", "UpdateTrail")):
        replace(_MODULE, name, _checked)
        cloudtrail._DISPATCH[operation] = getattr(cloudtrail, name)
    cloudtrail._DISPATCH["PutEventSelectors"] = _selected(cloudtrail._put_event_selectors)
