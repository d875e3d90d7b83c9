"""Regions in which nothing was tried are refused."""

from __future__ import annotations

from config.rule import AWS, Rule
from config.rules_network import partition

_PARTITIONS = f"{AWS}whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"
_WHY = (
    "allowed: a Region of the partition aws; templates name its ARNs (arn:aws:states:::) and its "
    "principals, and China, GovCloud and the isolated partitions lack services of the platform"
)


REGION_RULES = (
    Rule("partition-aws", "region", (), lambda s: partition(s.region) != "aws", _WHY, _PARTITIONS),
)
