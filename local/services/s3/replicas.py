"""Replication as the role that the bucket names: what it may not read or write is not replicated.

MiniStack copies objects and delete markers to versioned destinations and asks a foreign bucket's
policy; it does not ask the role. Here the role has to read the source and its key, to write the
replica and to use the replica's key (whose own policy is not asked: nobody brings the key). A
configuration whose destination S3 would refuse is refused.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from typing import Any

from local.emulator import service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.kms import key_policies

logger = logging.getLogger("millrace.replicas")

SERVICE = "s3.amazonaws.com"
_S3 = "ministack.services.s3"
pin(
    _S3,
    _replication_destination="callable",
    _maybe_replicate_delete_marker="callable",
    _bucket_owner_account="callable",
    _bucket_versioning="scoped",
)
_deleting: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "replicating_delete", default=False
)


def _bucket_of(reference: str) -> str:
    return reference.rsplit(":::", 1)[-1]


def assert_destination_is_ready(source: str, destination: str) -> None:
    """ValueError, worded as S3 does, unless the destination exists and keeps versions."""
    from ministack.services import s3

    name = _bucket_of(destination)
    owner = s3._bucket_owner_account(name)
    if owner is None:
        raise ValueError(f"{source}: Destination bucket must exist: {name}")
    if s3._bucket_versioning.get_scoped(owner, None, name) != "Enabled":
        raise ValueError(f"{source}: Destination bucket must have versioning enabled: {name}")


def _assert_role_may(role: str, bucket: str, key: str, rule: dict[str, Any]) -> None:
    from ministack.core.responses import get_region
    from ministack.services import s3

    place = rule["Destination"]
    target = f"arn:aws:s3:::{_bucket_of(place['Bucket'])}/{key}"
    if _deleting.get():
        service_roles.assert_allowed(role, "s3:ReplicateDelete", target, service=SERVICE)
        return
    source = f"arn:aws:s3:::{bucket}/{key}"
    read = "s3:GetObjectVersionForReplication"
    service_roles.assert_allowed(role, read, source, service=SERVICE)
    caller = {"kms:CallerAccount": role.split(":")[4]}
    here = key_policies.key_of_resource(source)
    if here is not None:
        context = key_policies.key_context(source, get_region()) | caller
        service_roles.assert_allowed(role, "kms:Decrypt", here, context, service=SERVICE)
    service_roles.assert_allowed(role, "s3:ReplicateObject", target, service=SERVICE)
    there = (place.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
    if there:
        context = key_policies.key_context(target, s3.parse_arn(there).region) | caller
        service_roles.assert_allowed(role, "kms:Encrypt", there, context, service=SERVICE)


pin(_S3, parse_arn="callable")


def _as_role(original: Callable[..., Any]) -> Callable[..., Any]:
    def destination(bucket: str, key: str, rule: dict[str, Any], role: str) -> Any:
        try:
            _assert_role_may(role, bucket, key, rule)
        except service_roles.AccessDeniedError as error:
            logger.warning("not replicated: %s", error)
            return None
        return original(bucket, key, rule, role)

    return destination


def _marked(original: Callable[..., Any]) -> Callable[..., Any]:
    def replicate(bucket: str, key: str) -> Any:
        token = _deleting.set(True)
        try:
            return original(bucket, key)
        finally:
            _deleting.reset(token)

    return replicate


def attach(_tables: Tables) -> None:
    """Ask the role before each replica."""
    replace(_S3, "_replication_destination", _as_role)
    replace(_S3, "_maybe_replicate_delete_marker", _marked)
