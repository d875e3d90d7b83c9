"""What the data lake hands to the stacks after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3

from stacks.data_lake.readers import LakeReaders


@dataclass(frozen=True, slots=True)
class Lake:
    """Zones, catalog and query settings."""

    landing: s3.IBucket
    raw: s3.IBucket
    curated: s3.IBucket
    features: s3.IBucket
    artifacts: s3.IBucket
    monitoring: s3.IBucket
    database_name: str
    tables: Mapping[str, glue.CfnTable]
    work_group: str
    """Name of the Athena work group."""
    readers: LakeReaders
    """Shared policies for whoever reads the lake."""

    @property
    def zones(self) -> dict[str, s3.IBucket]:
        """Buckets by zone name."""
        return {
            "landing": self.landing,
            "raw": self.raw,
            "curated": self.curated,
            "features": self.features,
            "artifacts": self.artifacts,
            "monitoring": self.monitoring,
        }
