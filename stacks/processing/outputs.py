"""What processing hands on."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.processing.spark_job import SparkJob


@dataclass(frozen=True, slots=True)
class Processing:
    """Outputs of the processing stack."""

    curate: SparkJob
    features: SparkJob
