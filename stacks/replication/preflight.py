"""Replication needs buckets that somebody else brings.

S3 refuses a configuration whose destination does not exist, keeps no versions or, for the locked
trail, has no Object Lock.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry
from stacks.replication.settings import Replication
from stacks.replication.zones import LOCKED, replica_buckets

SUBJECT = "replicas"
REMEDY = (
    "the platform team brings it (docs/first-deploy.md, section Replicas), or remove replication "
    "from the settings file"
)


def answers(inquiry: Inquiry) -> Iterator[Answer]:
    """Whether every bucket that replicas go to is there and ready."""
    replication = inquiry.settings.replication
    if replication is None:
        return
    client = inquiry.client("s3", replication.region)
    for zone, bucket in replica_buckets(replication).items():
        reason = _unfit(client, replication, bucket, locked=zone == LOCKED)
        state = State.MISSING if reason else State.OK
        said = reason or f"ready in {replication.region}"
        yield Answer(f"replica {bucket}", state, said, REMEDY if reason else "")


def _unfit(client: Any, replication: Replication, bucket: str, *, locked: bool) -> str:
    """Why a bucket cannot take replicas; empty if it can."""
    owner = {"ExpectedBucketOwner": replication.account} if replication.account else {}
    try:
        if client.get_bucket_versioning(Bucket=bucket, **owner).get("Status") != "Enabled":
            return "keeps no versions"
        if locked:
            client.get_object_lock_configuration(Bucket=bucket, **owner)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return _REASONS.get(code, f"{code}: {error.response['Error'].get('Message', '')}")
    return ""


_REASONS = {
    "404": "does not exist",
    "NoSuchBucket": "does not exist",
    "ObjectLockConfigurationNotFoundError": "has no Object Lock, which the locked trail needs",
    "AccessDenied": "cannot be looked at: it belongs to another account than replication.account, "
    "or its policy does not let this account call s3:GetBucketVersioning and "
    "s3:GetBucketObjectLockConfiguration",
    "403": "cannot be looked at",
    "PermanentRedirect": "is in another Region than replication.region",
    "AuthorizationHeaderMalformed": "is in another Region than replication.region",
    "IllegalLocationConstraintException": "is in another Region than replication.region",
}
