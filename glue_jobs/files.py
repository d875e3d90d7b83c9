"""Records that arrive as text: batch files in the landing zone and what Firehose could not deliver.

Both go through the validator of the transform Lambda. A file's record that keeps the contract is
curated; so is a failed one that turns out to be valid (its Lambda was down, say) and one that had
passed the Lambda before it failed (``failed.py``). Every other one becomes a row of ``rejected``. A
line that no one can read is rejected too, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession, types
from pyspark.sql import functions as fn

from glue_jobs import failed, session
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
        fn.lit(source.path).alias("folder"),
        fn.input_file_name().alias("source_object"),
        fn.col("value").alias("line"),
    )


def check(rows: Iterable[Row], record: dict[str, Any], key: bytes) -> Iterator[tuple[Any, Any]]:
    """Each line as a pair of which one is None: the contract's values, or a row of rejected."""
    pseudonymise = records.pseudonymiser(key)
    identify = records.identifier(key, record["id_field"])
    for row in rows:
        for one in _records(row):
            found = failed.validate(one, record, pseudonymise)
            if isinstance(found, records.Valid):
                yield values(found, record), None
            else:
                place = (row["origin"], row["source_object"])
                yield None, (row["stream"], identify(one.raw), found.code, found.field, *place)


def _records(row: Row) -> Iterator[failed.Failed]:
    """The records of a line: itself in a file, those of its envelopes in the error output."""
    if row["origin"] == ERROR_OUTPUT:
        kind = failed.output_type(row["source_object"], row["folder"])
        yield from failed.envelopes(row["line"], kind)
    elif row["line"].strip():
        yield failed.Failed(row["line"].encode(), transformed=False)


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
