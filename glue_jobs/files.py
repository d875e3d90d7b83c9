"""Records that arrive as text: batch files in the landing zone and what Firehose could not deliver.

Both go through the validator of the transform Lambda, as the bytes that they are. A file's record
that keeps the contract is curated; so is a failed one that turns out to be valid (its Lambda was
down, say) and one that had passed the Lambda before it failed (``failed.py``). Every other one
becomes a row of ``rejected``. A line that no one can read is rejected too, never dropped, and so
is a file that no one can read (``contents.py``): as one row with its size and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession, types
from pyspark.sql import functions as fn

from core import records
from glue_jobs import contents, failed, session, streams
from glue_jobs.contents import LARGEST_FILE, UnreadableError

LANDING = "landing"
ERROR_OUTPUT = "error_output"
STREAM = "stream"
# Code of the row that stands for a whole file.
UNREADABLE = "unreadable_file"
# Begins the id of such a row if the file was not opened here; else the id is that of its bytes.
OF_A_FILE = "file:"
HIDDEN = (
    "the file is hidden from Spark; allowed: a name of which no part begins with _ or . or ends in "
    "._COPYING_"
)

COLUMNS = ("stream", "record_id", "code", "field", "origin", "source_object", "detail")
REJECTED = types.StructType([types.StructField(name, types.StringType()) for name in COLUMNS])


class Source(NamedTuple):
    """Text files of one stream from one origin."""

    stream: str
    origin: str
    path: str


class Rejected(NamedTuple):
    """A row of ``rejected``; ``detail`` is there for files only."""

    stream: str
    record_id: str
    code: str
    field: str | None
    origin: str
    source_object: str
    detail: str | None = None


def read(
    spark: SparkSession, record: dict[str, Any], sources: list[Source], key: bytes
) -> tuple[DataFrame | None, DataFrame | None]:
    """Valid rows (columns of the record) and rejected rows; None where there is nothing for them.

    Python workers start only if there is something to check: that alone costs a second.
    """
    present = [source for source in sources if session.has_files(spark, source.path)]
    hidden = {source: _passed_over(spark, source) for source in sources}
    unread = [one for source, found in hidden.items() for one in _hidden(source, found)]
    if not present:
        return None, rows(spark, unread) if unread else None
    found = [_found(spark, source) for source in present]
    whole = union([_readable(files, source) for files, source in zip(found, present, strict=True)])
    row = types.StructType(
        [
            types.StructField("valid", session.schema(record)),
            types.StructField("rejected", REJECTED),
        ]
    )
    checked = spark.createDataFrame(
        whole.rdd.mapPartitions(partial(check, record=record, key=key)), row, verifySchema=False
    ).cache()
    valid = checked.where(fn.col("valid").isNotNull()).select("valid.*")
    rejected = checked.where(fn.col("rejected").isNotNull()).select("rejected.*")
    identify = records.identifier(key, record["id_field"])
    for files, source in zip(found, present, strict=True):
        unread += _unread(files, source, identify, hidden[source])
    return valid, union([rejected, rows(spark, unread)]) if unread else rejected


def union(parts: Sequence[DataFrame]) -> DataFrame:
    """All rows of tables with the same columns."""
    found = parts[0]
    for part in parts[1:]:
        found = found.unionByName(part)
    return found


def rows(spark: SparkSession, found: Sequence[Rejected]) -> DataFrame:
    """Rows of ``rejected`` as a table."""
    return spark.createDataFrame([tuple(one) for one in found], REJECTED)


def _found(spark: SparkSession, source: Source) -> DataFrame:
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    return reader.load(source.path)


def _readable(files: DataFrame, source: Source) -> DataFrame:
    """Files that are read: the size is asked before the content is fetched."""
    return files.where(fn.col("length") <= LARGEST_FILE).select(
        fn.lit(source.stream).alias("stream"),
        fn.lit(source.origin).alias("origin"),
        fn.lit(source.path).alias("folder"),
        fn.col("path").alias("source_object"),
        fn.unix_millis("modificationTime").alias("modified"),
        "content",
    )


def _unread(
    files: DataFrame, source: Source, identify: records.Identify, hidden: Container[str]
) -> Iterator[Rejected]:
    """Files that are refused by their size. Spark lists empty ones, but has no row for them."""
    sizes = dict(files.select("path", "length").collect())
    for path in sorted(map(streams.plain, files.inputFiles())):
        size = sizes.get(path, 0)
        if path in hidden:
            continue
        if size == 0 and not path.endswith(session.FOLDER_MARKER):
            yield _refused(source, path, identify(b""), size, "the file is empty")
        elif size > LARGEST_FILE:
            said = f"the file is too large; allowed: {LARGEST_FILE} bytes"
            yield _refused(source, path, OF_A_FILE + path, size, said)


def _passed_over(spark: SparkSession, source: Source) -> dict[str, int]:
    """Bytes by location of files that Spark passes over: people name them, Firehose hides none.

    Its error output has a folder for each hour, which to look through would cost more than reading.
    """
    return session.hidden(spark, source.path) if source.origin == LANDING else {}


def _hidden(source: Source, found: Mapping[str, int]) -> Iterator[Rejected]:
    """Files that Spark passes over, but for empty ones, by which tools mark a folder."""
    for path, size in found.items():
        if size:
            yield _refused(source, path, OF_A_FILE + path, size, HIDDEN)


def _refused(source: Source, path: str, identity: str, size: int, reason: str) -> Rejected:
    detail = f"{size} bytes: {reason}"
    return Rejected(source.stream, identity, UNREADABLE, None, source.origin, path, detail)


def damaged(stream: str, uri: str, reason: str) -> Rejected:
    """The row of a file of Firehose's Parquet; its records lie in the stream's backup too."""
    path = streams.plain(uri)
    return Rejected(stream, OF_A_FILE + path, UNREADABLE, None, STREAM, path, reason)


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


def write_rejected(spark: SparkSession, parts: list[DataFrame], output: str) -> None:
    """Replace the table of rejected records; one row for each id, reason and origin.

    Each refused file has a row of its own, whatever else has the same bytes.
    """
    found = union(parts) if parts else rows(spark, [])
    reason = [name for name in COLUMNS if name != "source_object"]
    place = fn.when(fn.col("detail").isNotNull(), fn.col("source_object")).alias("file")
    unique = found.groupBy(*reason, place).agg(fn.min("source_object").alias("source_object"))
    unique.select(*COLUMNS).coalesce(1).write.mode("overwrite").parquet(output)


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
