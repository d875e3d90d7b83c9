"""The same features as :mod:`model_code.features.transform`, as Spark columns.

The map of a target-mean encoding travels as one JSON literal that Spark folds into a constant:
building it from columns would take two calls into the JVM for every value of every category.
Python writes doubles so that they read back bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, types
from pyspark.sql import functions as fn

from model_code.features.transform import IDENTITY, MISSING, TARGET_MEAN, Spec, SpecError


def columns(spec: Spec) -> list[Column]:
    """One double column for each feature, named after it, NaN where the value is null."""
    return [_column(feature).alias(feature["name"]) for feature in spec["features"]]


def _column(feature: Mapping[str, Any]) -> Column:
    value = fn.col(feature["name"])
    if feature["encoding"] == IDENTITY:
        return fn.coalesce(value.cast(types.DoubleType()), fn.lit(MISSING))
    if feature["encoding"] != TARGET_MEAN:
        raise SpecError(
            f"encoding of {feature['name']} is {feature['encoding']!r}; "
            f"allowed: {IDENTITY}, {TARGET_MEAN}"
        )
    means = fn.from_json(
        fn.lit(json.dumps(feature["mapping"])),
        types.MapType(types.StringType(), types.DoubleType()),
    )
    known = fn.coalesce(fn.element_at(means, value), fn.lit(float(feature["default"])))
    return fn.when(value.isNull(), fn.lit(MISSING)).otherwise(known)
