"""Which buckets are replicated, under whose key, and where to."""

from __future__ import annotations

from typing import Final

from stacks.replication.settings import Replication

LOCKED: Final = "audit"
"""The trail's bucket, under Object Lock here and there."""
DOMAINS: Final = {
    "landing": "raw",
    "raw": "raw",
    "curated": "data",
    "features": "data",
    "artifacts": "models",
    "monitoring": "models",
    "access-logs": None,
    LOCKED: "logs",
}
"""Domain of the key that encrypts a bucket's replica; None: S3's own key, here and there."""


def replica_name(replication: Replication, zone: str) -> str:
    """Name of the bucket that a zone is copied to."""
    return f"{replication.bucket_prefix}-{zone}"


def replica_buckets(replication: Replication) -> dict[str, str]:
    """Destination bucket of each replicated one."""
    return {zone: replica_name(replication, zone) for zone in DOMAINS}
