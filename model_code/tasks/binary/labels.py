"""Labels of binary classification as Spark columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as fn


def label(rule: Mapping[str, Any]) -> Column:
    """1.0 or 0.0; null for a label without value."""
    return (fn.col(rule["field"]) >= fn.lit(rule["at_least"])).cast("double")


def tallies(value: Column, rule: Mapping[str, Any]) -> list[Column]:
    """What is summed over rows: positives."""
    del rule
    return [value]
