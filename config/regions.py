"""Regions: which part of AWS they belong to, and which are refused."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from config.rule import AWS, Rule

PARTITIONS = f"{AWS}whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"


@lru_cache
def _image_regions(image: str) -> frozenset[str]:
    """Regions for which the committed table knows the registry of an image."""
    table: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("images.yaml").read_text())
    return frozenset(table[image]["registries"])


def partition(region: str) -> str:
    """The part of AWS that the Region belongs to, as ARNs name it."""
    named = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for begin, name in named.items() if region.startswith(begin)), "aws")


_WHY = (
    "allowed: a Region of the partition aws; templates name its ARNs (arn:aws:states:::) and its "
    "principals, and China, GovCloud and the isolated partitions lack services of the platform"
)


RULES: tuple[Rule, ...] = (
    Rule("partition-aws", "region", (), lambda s: partition(s.region) != "aws", _WHY, PARTITIONS),
    Rule("region-has-image", "region", (),
         lambda s: s.region not in _image_regions(s.training.algorithm.IMAGE),
         "allowed: a Region listed in config/images.yaml",
         f"{AWS}sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html"),
)  # fmt: skip
