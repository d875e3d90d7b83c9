"""What processing hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.processing.spark_job import SparkJob


@dataclass(frozen=True, slots=True)
class Processing:
    """Outputs of the processing stack."""

    curate: SparkJob
    features: Mapping[str, SparkJob]
    """By model: each has features and a window of its own."""
    outcomes: Mapping[str, SparkJob]
    """By model, for its monitor job."""
