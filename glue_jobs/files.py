"""Records that arrive as text: batch files in the landing zone and what Firehose could not deliver.

Both go through the validator of the transform Lambda. A file's record that keeps the contract is
curated; so is a failed one that turns out to be valid (its Lambda was down, say). Every other one
becomes a row of ``rejected``. A line that no one can read is rejected too, never dropped.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession, types
from pyspark.sql import functions as fn

from glue_jobs import session
from lambdas.shared import records

LANDING = "landing"
ERROR_OUTPUT = "error_output"

REJECTED = types.StructType(
    [
        types.StructField(name, types.StringType())
        for name in ("stream", "record_id", "code", "field", "origin", "source_object")
    ]
)


class Source(NamedTuple):
    """Text files of one stream from one origin."""

    stream: str
    origin: str
    path: str


def read(
    spark: SparkSession, record: dict[str, Any], sources: list[Source], key: bytes
) -> tuple[DataFrame | None, DataFrame | None]:
    """Valid rows (columns of the record) and rejected rows; None where there is no file at all.

    Python workers start only if there is something to check: that alone costs a second.
    """
    present = [source for source in sources if session.has_files(spark, source.path)]
    if not present:
        return None, None
    lines = [_lines(spark, source) for source in present]
    union = lines[0]
    for more in lines[1:]:
        union = union.unionByName(more)
    row = types.StructType(
        [
            types.StructField("valid", session.schema(record)),
            types.StructField("rejected", REJECTED),
        ]
    )
    checked = spark.createDataFrame(
        union.rdd.mapPartitions(partial(check, record=record, key=key)), row, verifySchema=False
    ).cache()
    valid = checked.where(fn.col("valid").isNotNull()).select("valid.*")
    rejected = checked.where(fn.col("rejected").isNotNull()).select("rejected.*")
    return valid, rejected


def _lines(spark: SparkSession, source: Source) -> DataFrame:
    text = spark.read.option("recursiveFileLookup", "true").text(source.path)
    return text.select(
        fn.lit(source.stream).alias("stream"),
        fn.lit(source.origin).alias("origin"),
        fn.input_file_name().alias("source_object"),
        fn.col("value").alias("line"),
    )


def check(rows: Iterable[Row], record: dict[str, Any], key: bytes) -> Iterator[tuple[Any, Any]]:
    """Each line as a pair of which one is None: the contract's values, or a row of rejected."""
    pseudonymise = records.pseudonymiser(key)
    identify = records.identifier(key, record["id_field"])
    for row in rows:
        line = row["line"].encode()
        if not line.strip():
            continue
        raw = raw_record(line) if row["origin"] == ERROR_OUTPUT else line
        found = records.validate(raw, record, pseudonymise)
        if isinstance(found, records.Valid):
            yield values(found, record), None
        else:
            place = (row["origin"], row["source_object"])
            yield None, (row["stream"], identify(raw), found.code, found.field, *place)


def raw_record(envelope: bytes) -> bytes:
    """What the producer sent, out of a line of Firehose's error output.

    The line itself if it is no such envelope, so that it is counted rather than lost.
    """
    try:
        return base64.b64decode(json.loads(envelope)["rawData"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        return envelope


def values(found: records.Valid, record: dict[str, Any]) -> tuple[Any, ...]:
    """A valid record as a row of the contract's columns."""
    get = found.values.get
    return tuple(
        None if get(field["name"]) is None else _CASTS[field["glue_type"]](get(field["name"]))
        for field in record["fields"]
    )


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "bigint": int,
    "double": float,
    "boolean": bool,
    "timestamp": _timestamp,
}
