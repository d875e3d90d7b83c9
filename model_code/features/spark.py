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

from model_code.features.transform import IDENTITY, MISSING, ORDINAL, TARGET_MEAN, Spec, SpecError


def columns(spec: Spec, fold: Column | None = None) -> list[Column]:
    """One double column for each feature, named after it, NaN where the value is null.

    With ``fold`` (a row's number among the specification's ``folds``) target means are those of
    all other folds: for the rows that the means were fitted on, whose own label would come back.
    """
    return [_column(feature, fold).alias(feature["name"]) for feature in spec["features"]]


def _column(feature: Mapping[str, Any], fold: Column | None) -> Column:
    value = fn.col(feature["name"])
    if feature["encoding"] == IDENTITY:
        return fn.coalesce(value.cast(types.DoubleType()), fn.lit(MISSING))
    if feature["encoding"] == ORDINAL:
        return _looked_up(feature["mapping"], MISSING, value)
    if feature["encoding"] != TARGET_MEAN:
        allowed = ", ".join((IDENTITY, TARGET_MEAN, ORDINAL))
        encoding = f"encoding of {feature['name']} is {feature['encoding']!r}"
        raise SpecError(f"{encoding}; allowed: {allowed}")
    return fn.when(value.isNull(), fn.lit(MISSING)).otherwise(_known(feature, value, fold))


def _known(feature: Mapping[str, Any], value: Column, fold: Column | None) -> Column:
    if fold is None:
        return _looked_up(feature["mapping"], feature["default"], value)
    chosen = fn.lit(None).cast(types.DoubleType())
    for number, (mapping, default) in enumerate(feature["folds"]):
        chosen = fn.when(fold == number, _looked_up(mapping, default, value)).otherwise(chosen)
    return chosen


def _looked_up(mapping: Mapping[str, float], default: float, value: Column) -> Column:
    means = fn.from_json(
        fn.lit(json.dumps(mapping)), types.MapType(types.StringType(), types.DoubleType())
    )
    return fn.coalesce(fn.element_at(means, value), fn.lit(float(default)))
