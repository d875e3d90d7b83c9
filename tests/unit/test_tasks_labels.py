"""The label rule of each task is the same in Spark and in Python, value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession, types
from pyspark.sql import functions as fn

from glue_jobs import session
from model_code import tasks
from model_code.features.spark import columns
from model_code.features.transform import Encoder
from tests.support.spark_jobs import jvm
from tests.support.task_contracts import CLASSES, LABEL, LIMITS, compiled

__all__ = ["jvm"]

NUMBERS = (
    st.none()
    | st.sampled_from([*LIMITS, *(limit - 1 for limit in LIMITS), -300, 3000, 0])
    | st.integers(-300, 3000)
)
FRACTIONS = st.none() | st.floats(-300, 3000) | st.sampled_from([14.999999999999998, 15.0, -10.0])
TEXTS = st.none() | st.sampled_from([*CLASSES, CLASSES[0].upper(), f"{CLASSES[0]} ", ""])
KINDS = {"integer": types.LongType(), "number": types.DoubleType(), "string": types.StringType()}
CASES = [
    ("binary", "integer", NUMBERS),
    ("binary", "number", FRACTIONS),
    ("squared", "integer", NUMBERS),
    ("squared", "number", FRACTIONS),
    ("ranges", "integer", NUMBERS),
    ("ranges", "number", FRACTIONS),
    ("texts", "string", TEXTS),
]


@pytest.fixture(scope="module")
def spark(jvm: None) -> Iterator[SparkSession]:
    yield session.start("labels")


@pytest.mark.parametrize(("case", "kind", "values"), CASES, ids=lambda one: str(one)[:12])
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_label_is_the_same_in_both(
    spark: SparkSession, case: str, kind: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    contract = compiled(case)
    task, part = tasks.of(contract), tasks.part(contract["task"], "labels")
    drawn = [None, *data.draw(st.lists(values, min_size=1, max_size=60))]
    schema = types.StructType([
        types.StructField("position", types.IntegerType()), types.StructField(LABEL, KINDS[kind]),
    ])  # fmt: skip
    frame = spark.createDataFrame(list(enumerate(drawn)), schema)
    label = part.label(contract["label_rule"]).alias("label")
    found = [row["label"] for row in frame.select("position", label).orderBy("position").collect()]
    expected = [task.label(value) for value in drawn]
    assert found == expected

    sums = [
        fn.coalesce(fn.sum(one).cast("double"), fn.lit(0.0))
        for one in part.tallies(fn.col("label"), contract["label_rule"])
    ]
    row = frame.select(label).agg(fn.count("label").alias("rows"), fn.array(*sums).alias("sums"))
    ((rows, tallied),) = row.collect()
    known = [one for one in expected if one is not None]
    assert rows == len(known)
    summary = task.summary(rows, tallied)
    if "classes" in summary:
        assert list(summary["classes"].values()) == [known.count(k) for k in range(len(CLASSES))]
    elif "positives" in summary:
        assert summary["positives"] == sum(known)
    elif known:
        assert summary["mean"] == pytest.approx(sum(known) / len(known), abs=1e-9)


def test_ordinal_places_are_the_same_in_both(spark: SparkSession) -> None:
    """Values that a literal has to quote, one that nobody knows, and none."""
    values = [*CLASSES, "", "null", "neu", None]
    mapping = {value: float(place) for place, value in enumerate([*CLASSES, "", "null"])}
    feature = {"name": "said", "kind": "category", "encoding": "ordinal", "mapping": mapping}
    spec = json.loads(json.dumps({"version": 1, "features": [feature]}))
    encoder = Encoder(spec)
    frame = spark.createDataFrame(list(enumerate(values)), "position int, said string")
    found = frame.select("position", *columns(spec)).orderBy("position").collect()
    for row, value in zip(found, values, strict=True):
        assert repr(row["said"]) == repr(encoder.vector({"said": value})[0])
