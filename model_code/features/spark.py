"""The same features as :mod:`model_code.features.transform`, as Spark columns.

The map of a target-mean encoding travels as one JSON literal that Spark folds into a constant:
building it from columns would take two calls into the JVM for every value of every category.
Python writes doubles so that they read back bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from model_code.features.transform import IDENTITY, MISSING, TARGET_MEAN, Spec, SpecError


def columns(spec: Spec) -> list[Column]:
    """One double column for each feature, named after it, NaN where the value is null."""
    return [_column(feature).alias(feature["name"]) for feature in spec["features"]]


def _column(feature: Mapping[str, Any]) -> Column:
    value = F.col(feature["name"])
    if feature["encoding"] == IDENTITY:
        return F.coalesce(value.cast(T.DoubleType()), F.lit(MISSING))
    if feature["encoding"] != TARGET_MEAN:
        raise SpecError(
            f"encoding of {feature['name']} is {feature['encoding']!r}; "
            f"allowed: {IDENTITY}, {TARGET_MEAN}"
        )
    means = F.from_json(
        F.lit(json.dumps(feature["mapping"])), T.MapType(T.StringType(), T.DoubleType())
    )
    known = F.coalesce(F.element_at(means, value), F.lit(float(feature["default"])))
    return F.when(value.isNull(), F.lit(MISSING)).otherwise(known)
