"""Spark and serving compute the same doubles for a thousand real flights."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from core import names
from glue_jobs import session, tables
from local import flights
from model_code.features import fit, transform
from model_code.features.transform import IDENTITY
from tests.support import spark_jobs
from tests.support.spark_jobs import CONTRACT, jvm

__all__ = ["jvm"]

FLIGHTS = 1000


def bits(value: float) -> bytes:
    """A double's own bits, with one NaN for all."""
    return b"nan" if math.isnan(value) else struct.pack(">d", value)


def test_features_are_identical(tmp_path: Path) -> None:
    from model_code.features.spark import columns

    frame = flights.sample(flights.prepare(), 0.05).head(FLIGHTS)
    assert len(frame) == FLIGHTS
    lake = spark_jobs.write_lake(tmp_path, frame)
    records = flights.events(frame)
    # Every seventh destination is left out, so that the default is exercised too.
    counts = {
        name: {
            value: (index + 3, index)
            for index, value in enumerate(sorted({one[name] for one in records if name in one}))
            if name != "destination" or index % 7
        }
        | {None: (1, 0)}
        for name in (f["name"] for f in CONTRACT["features"] if f["encoding"] != IDENTITY)
    }
    spec = json.loads(json.dumps(fit.feature_spec(CONTRACT, {}, counts)))
    spark = session.start("parity")
    event = CONTRACT["event"]
    events = tables.of_record(lake.database, names.TABLE_EVENTS, event)
    found = tables.read(spark, events).select(event["id_field"], *columns(spec)).collect()
    spark.stop()
    by_id = {row[0]: [bits(value) for value in row[1:]] for row in found}
    assert len(by_id) == FLIGHTS
    encoder = transform.Encoder(spec)
    missing = 0
    for record in records:
        vector = encoder.vector(record)
        missing += sum(map(math.isnan, vector))
        assert by_id[record["flight_id"]] == [bits(value) for value in vector]
        assert transform.vector(record, spec) == pytest.approx(vector, nan_ok=True, abs=0, rel=0)
    assert missing > 0
