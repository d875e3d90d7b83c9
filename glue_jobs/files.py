"""Records that arrive as text: batch files in the landing zone and what Firehose could not deliver.

Both go through the validator of the transform Lambda, as the bytes that they are. A file's record
that keeps the contract is curated; so is a failed one that turns out to be valid (its Lambda was
down, say) and one that had passed the Lambda before it failed (``failed.py``). Every other one
becomes a row of ``rejected``. A line that no one can read is rejected too, never dropped, and so
is a file that no one can read (``contents.py``): as one row with its size and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession, types
from pyspark.sql import functions as fn

from core import records
from glue_jobs import contents, failed, session
from glue_jobs.arrivals import ERROR_OUTPUT, Arrived, Source
from glue_jobs.contents import LARGEST_FILE, UnreadableError
from glue_jobs.rejections import COLUMNS, UNREADABLE, Rejected, of_a_file, rows

# Ends the name of an empty object by which some tools mark a folder.
FOLDER_MARKER = "_$folder$"
HIDDEN = (
    "the file is hidden from Spark; allowed: a name of which no part begins with _ or . or ends in "
    "._COPYING_"
)


def read(
    spark: SparkSession, record: dict[str, Any], arrived: Sequence[Arrived], key: bytes
) -> tuple[DataFrame | None, DataFrame | None]:
    """Valid rows (columns of the record) and rejected rows; None where there is nothing for them.

    Python workers start only if there is something to check: that alone costs a second.
    """
    if not arrived:
        return None, None
    identify = records.identifier(key, record["id_field"])
    why = {one: _why_unread(one) for one in arrived}
    unread = [_unread(one, reason, identify) for one, reason in why.items() if reason]
    wanted = [one for one, reason in why.items() if reason is None]
    if not wanted:
        return None, rows(spark, unread) if unread else None
    row = types.StructType(
        [
            types.StructField("valid", session.schema(record)),
            types.StructField("rejected", COLUMNS),
        ]
    )
    checked = spark.createDataFrame(
        _contents(spark, wanted).rdd.mapPartitions(partial(check, record=record, key=key)),
        row,
        verifySchema=False,
    ).cache()
    valid = checked.where(fn.col("valid").isNotNull()).select("valid.*")
    rejected = checked.where(fn.col("rejected").isNotNull()).select("rejected.*")
    return valid, union([rejected, rows(spark, unread)]) if unread else rejected


def union(parts: Sequence[DataFrame]) -> DataFrame:
    """All rows of tables with the same columns."""
    found = parts[0]
    for part in parts[1:]:
        found = found.unionByName(part)
    return found


def _contents(spark: SparkSession, arrived: Sequence[Arrived]) -> DataFrame:
    """The bytes of files, each with where it is from."""
    sources = sorted({one.source for one in arrived})
    parts = []
    for source in sources:
        paths = [session.literal(one.path) for one in arrived if one.source == source]
        parts.append(
            spark.read.format("binaryFile")
            .option("recursiveFileLookup", "true")
            .load(paths)
            .select(
                fn.lit(source.stream).alias("stream"),
                fn.lit(source.origin).alias("origin"),
                fn.lit(source.path).alias("folder"),
                fn.col("path").alias("source_object"),
                fn.unix_millis("modificationTime").alias("modified"),
                "content",
            )
        )  # fmt: skip
    return union(parts)


def _why_unread(one: Arrived) -> str | None:
    """Why a file is not opened; None if it is. An empty text marks what is no input at all."""
    name = one.path.removeprefix(one.source.path)
    if not one.bytes and name.endswith(FOLDER_MARKER):
        return ""
    if contents.passed_over(name):
        return HIDDEN if one.bytes else ""
    if not one.bytes:
        return "the file is empty"
    if one.bytes > LARGEST_FILE:
        return f"the file is too large; allowed: {LARGEST_FILE} bytes"
    return None


def _unread(one: Arrived, reason: str, identify: records.Identify) -> Rejected:
    identity = of_a_file(one.path) if one.bytes else identify(b"")
    return _refused(one.source, one.path, identity, one.bytes, reason)


def _refused(source: Source, path: str, identity: str, size: int, reason: str) -> Rejected:
    detail = f"{size} bytes: {reason}"
    return Rejected(source.stream, identity, UNREADABLE, None, source.origin, path, detail)


def check(found: Iterable[Row], record: dict[str, Any], key: bytes) -> Iterator[tuple[Any, Any]]:
    """Each record as a pair of which one is None: the contract's values, or a row of rejected."""
    pseudonymise = records.pseudonymiser(key)
    identify = records.identifier(key, record["id_field"])
    for row in found:
        source, path = Source(row["stream"], row["origin"], row["folder"]), row["source_object"]
        content = bytes(row["content"])
        try:
            for one in _records(source, path, content, row["modified"]):
                outcome = failed.validate(one, record, pseudonymise)
                if isinstance(outcome, records.Valid):
                    yield values(outcome, record), None
                else:
                    why = (identify(one.raw), outcome.code, outcome.field)
                    yield None, tuple(Rejected(source.stream, *why, source.origin, path))
        except UnreadableError as error:
            yield None, tuple(_refused(source, path, identify(content), len(content), str(error)))


def _records(source: Source, path: str, content: bytes, modified: int) -> Iterator[failed.Failed]:
    """The records of a file: its lines, or in the error output those of their envelopes."""
    if source.origin == ERROR_OUTPUT:
        kind = failed.output_type(path, source.path)
        for line in contents.lines(content):
            for one in failed.envelopes(line, kind):
                yield one if one.arrived is not None else one._replace(arrived=modified)
        return
    for line in contents.lines(content, path.rpartition("/")[2]):
        yield failed.Failed(line, transformed=False, arrived=modified)


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
