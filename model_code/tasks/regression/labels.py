"""Labels of regression as Spark columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as fn


def label(rule: Mapping[str, Any]) -> Column:
    """The value as a double."""
    return fn.col(rule["field"]).cast("double")


def tallies(value: Column, rule: Mapping[str, Any]) -> list[Column]:
    """What is summed over rows: values and their squares."""
    del rule
    return [value, value * value]
