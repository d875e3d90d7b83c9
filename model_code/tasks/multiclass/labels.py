"""Labels of multiclass classification as Spark columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as fn


def label(rule: Mapping[str, Any]) -> Column:
    """Place of the class among the contract's; null for a value that is none of them."""
    if "below" in rule:
        value = fn.col(rule["field"])
        passed = [(value >= fn.lit(limit)).cast("int") for limit in rule["below"]]
        return reduce(Column.__add__, passed).cast("double")
    value = fn.col(rule["field"])
    # Spark 3.5 looks for a literal's place in an array alone, not for a column's.
    places = [
        fn.when(value == fn.lit(name), fn.lit(float(place)))
        for place, name in enumerate(rule["classes"])
    ]
    return fn.coalesce(*places)


def tallies(value: Column, rule: Mapping[str, Any]) -> list[Column]:
    """What is summed over rows: for each class, whether it is this one."""
    return [(value == fn.lit(float(k))).cast("int") for k in range(len(rule["classes"]))]
