"""Updates that AWS refuses though each state by itself is allowed."""

from __future__ import annotations

from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses_change

STREAM, KEY, BUCKET = "AWS::KinesisFirehose::DeliveryStream", "AWS::KMS::Key", "AWS::S3::Bucket"
_DEFAULTS = {
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "MultiRegion": "False",
    "Origin": "AWS_KMS",
}


def _s3(properties: Properties) -> dict[str, Any]:
    found: dict[str, Any] = properties.get("ExtendedS3DestinationConfiguration") or {}
    return found


def _partitions(properties: Properties) -> bool:
    section = _s3(properties).get("DynamicPartitioningConfiguration") or {}
    return truth(section.get("Enabled"))


@refuses_change("firehose-partitioning-is-for-new-streams", STREAM)
def _partitioning(old: Properties, new: Properties) -> str | None:
    before, after = _partitions(old), _partitions(new)
    if before == after:
        return None
    verb = "enabled on" if after else "disabled on"
    return f"Dynamic partitioning cannot be {verb} an existing delivery stream; make a new one"


@refuses_change("firehose-backup-stays", STREAM)
def _backup(old: Properties, new: Properties) -> str | None:
    before, after = (_s3(state).get("S3BackupMode", "Disabled") for state in (old, new))
    if before != "Enabled" or after == "Enabled":
        return None
    return "S3BackupMode: once enabled, the backup of a stream cannot be disabled"


@refuses_change("key-kind-is-fixed", KEY)
def _kind(old: Properties, new: Properties) -> str | None:
    for name, default in _DEFAULTS.items():
        before, after = (str(state.get(name, default)) for state in (old, new))
        if before.lower() != after.lower():
            return f"You cannot change {name} of an existing KMS key: {before} to {after}"
    return None


@refuses_change("object-lock-stays", BUCKET)
def _lock(old: Properties, new: Properties) -> str | None:
    if not truth(old.get("ObjectLockEnabled")) or truth(new.get("ObjectLockEnabled")):
        return None
    return "Object Lock cannot be disabled once it is enabled on a bucket"
