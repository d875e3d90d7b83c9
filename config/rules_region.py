"""Regions in which nothing was tried are refused."""

from __future__ import annotations

from config.rule import AWS, Rule

_PARTITIONS = f"{AWS}whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"
# Beginnings of the names of Regions that are not in the partition ``aws``.
_ELSEWHERE = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")
_WHY = (
    "allowed: a Region of the partition aws; templates name its ARNs (arn:aws:states:::) and its "
    "principals, and China, GovCloud and the isolated partitions lack services of the platform"
)


def is_elsewhere(region: str) -> bool:
    """Whether the Region lies in a partition of its own."""
    return region.startswith(_ELSEWHERE)


REGION_RULES = (
    Rule("partition-aws", "region", (), lambda s: is_elsewhere(s.region), _WHY, _PARTITIONS),
    Rule(
        "partition-aws-of-replicas",
        "replication.region",
        (),
        lambda s: s.replication is not None and is_elsewhere(s.replication.region),
        "allowed: a Region of the partition aws; S3 replicates within a partition only",
        _PARTITIONS,
    ),
)
