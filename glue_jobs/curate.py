"""Glue job: what was delivered at least once becomes tables that are unique by record id.

What arrived since the last run (``arrivals.py``) is read once: Firehose's Parquet and its error
output, and files of the landing zone. Records are merged into their table (``merge.py``), the
others told in ``rejected``, and at last the objects are noted as taken. A run that ends before that
is repeated by the next one, which finds what is already there: nothing is lost, nothing doubled.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

from core import names
from core.pseudonyms import derived_key
from glue_jobs import arrivals, files, merge, rejections, schema_evolution, session, streams, tables
from glue_jobs.arguments import number, parse
from glue_jobs.arrivals import ERROR_OUTPUT, LANDING, STREAM, Arrived, Source
from glue_jobs.files import union
from glue_jobs.rejections import UNREADABLE, Rejected, of_a_file
from glue_jobs.tables import Table

REQUIRED = (
    "input_contract",
    "input_streams",
    "input_errors",
    "input_landing",
    "database",
    "correction_days",
    "pseudonym_key",
)
MOST_DAYS = 3654
# Stream → its record in the compiled contract.
RECORDS = {names.EVENTS: "event", names.LABELS: "label"}
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's record and table, and for how many days its rows are kept and corrected."""

    name: str
    record: dict[str, Any]
    table: Table
    days: int
    correction_days: int


@dataclass(slots=True)
class Run:
    """A run: when it began, the pseudonyms' key, and what it found beside valid records."""

    spark: SparkSession
    taken_at: datetime
    key: bytes = b""
    rejected: list[DataFrame] = field(default_factory=list)
    taken: list[Arrived] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def main(argv: Sequence[str]) -> None:
    """Run the job on both streams.

    Raises:
        SystemExit: a table could not be brought up to date; the other one is.
    """
    taken_at = datetime.now(UTC)
    arguments = parse(argv, REQUIRED)
    spark = session.start("millrace-curate")
    contract = session.read_json(spark, arguments["input_contract"])
    database = arguments["database"]
    lake = [_stream(arguments, contract, name) for name in names.STREAMS]
    rejected, deliveries = rejections.table(database), arrivals.table(database)
    for table in (rejected, deliveries):
        tables.raise_to(spark, table)
    run = Run(spark, taken_at)
    for stream in lake:
        run.rejected += _raised(spark, stream)
    arrived = arrivals.since(spark, deliveries, _sources(spark, arguments))
    if any(one.source.origin != STREAM for one in arrived):
        run.key = _key(arguments["pseudonym_key"])
    if arrived:
        for stream in lake:
            _take(run, stream, [one for one in arrived if one.source.stream == stream.name])
    if run.rejected:
        again = [one.path for one in run.taken if one.again]
        rejections.write(spark, rejected, union(run.rejected), taken_at, again)
    # None at all after a failure: the next run looks back from the newest note, of either stream.
    if run.taken and not run.failures:
        arrivals.record(spark, deliveries, run.taken, taken_at)
        _forget(spark, [rejected, deliveries], lake, taken_at)
    if run.failures:
        raise SystemExit("; ".join(run.failures))


def _stream(arguments: dict[str, str], contract: dict[str, Any], name: str) -> Stream:
    record = contract[RECORDS[name]]
    allowed = f"a whole number from 0 to {MOST_DAYS}"
    corrected = number(
        arguments, "correction_days", allowed, lambda n: 0 <= n <= MOST_DAYS and n == int(n)
    )
    return Stream(
        name,
        record,
        tables.of_record(arguments["database"], name, record),
        contract["retention_days"][RECORDS[name]],
        int(corrected),
    )


def _sources(spark: SparkSession, arguments: dict[str, str]) -> list[Source]:
    places = {STREAM: "input_streams", ERROR_OUTPUT: "input_errors", LANDING: "input_landing"}
    return [
        Source(stream, origin, session.qualified(spark, f"{arguments[argument]}{stream}/"))
        for stream in names.STREAMS
        for origin, argument in places.items()
    ]


def _key(key_arn: str) -> bytes:
    """The pseudonyms' key, as the transform Lambda uses it."""
    return derived_key(boto3.client("kms"), key_arn)


def _raised(spark: SparkSession, stream: Stream) -> list[DataFrame]:
    """Bring a table to the contract's columns; rows of rejected that no longer fit."""
    held = tables.raise_to(spark, stream.table)
    if not held:
        return []
    return [schema_evolution.retype(spark, stream.table, stream.record, stream.name, held)]


def _take(run: Run, stream: Stream, arrived: Sequence[Arrived]) -> None:
    """Take in what arrived for one stream; should that fail, once more without damaged files."""
    text = [one for one in arrived if one.source.origin != STREAM]
    streamed = [one.path for one in arrived if one.source.origin == STREAM]
    valid, refused = files.read(run.spark, stream.record, text, run.key)
    run.rejected += [refused] if refused is not None else []
    try:
        run.rejected += _with_damaged(run, stream, streamed, valid)
    except streams.SPARK_ERRORS as error:
        sys.stderr.write(traceback.format_exc())
        first = str(error).splitlines()[0]
        run.failures.append(f"{stream.name} could not be curated: {first}")
        return
    run.taken += arrived


def _with_damaged(
    run: Run, stream: Stream, streamed: Sequence[str], valid: DataFrame | None
) -> list[DataFrame]:
    """Bring the table up to date; rows of rejected, for files too that cannot be read."""
    try:
        return _bring_up_to_date(run, stream, streamed, valid)
    except streams.SPARK_ERRORS:
        sys.stderr.write(f"{stream.name} cannot be read as a whole:\n{traceback.format_exc()}")
    damaged = streams.unreadable(run.spark, stream.record, streamed)
    told = [_damaged(run.spark, stream, damaged)] if damaged else []
    whole = [path for path in streamed if path not in damaged]
    return told + _bring_up_to_date(run, stream, whole, valid)


def _damaged(spark: SparkSession, stream: Stream, found: dict[str, str]) -> DataFrame:
    """Rows for files of Firehose's Parquet; their records lie in the stream's backup too."""
    told = [
        Rejected(stream.name, of_a_file(path), UNREADABLE, None, STREAM, path, reason)
        for path, reason in found.items()
    ]
    return rejections.rows(spark, told)


def _bring_up_to_date(
    run: Run, stream: Stream, paths: Sequence[str], valid: DataFrame | None
) -> list[DataFrame]:
    """Merge files of a stream and valid rows of others into the table; rows of rejected."""
    spark, taken_at = run.spark, run.taken_at
    stored = schema_evolution.read(spark, stream.record, paths, stream.name) if paths else None
    parts = [one for one in (stored and stored.rows, valid) if one is not None]
    rejected = [stored.rejected] if stored and stored.rejected is not None else []
    if not parts:
        return rejected
    rows, first = union(parts), _first_day(spark, stream, taken_at)
    if first is not None:
        old = ~tables.since(stream.table.time, first)
        rejected.append(_expired(rows.where(old), stream))
        rows = rows.where(~old)
    id_field, days_apart = stream.record["id_field"], stream.correction_days
    merge.merge(spark, stream.table, id_field, rows, days_apart)
    first = _first_day(spark, stream, taken_at)
    if first is not None:
        tables.delete_before(spark, stream.table, first)
    return rejected


def _first_day(spark: SparkSession, stream: Stream, now: datetime) -> date | None:
    """The first day of which rows are kept; None as long as there is none.

    Counted from the newest row, so that a lake of old records keeps them, but from no later day
    than today.
    """
    held = tables.dates(spark, stream.table)
    return min(held[-1], now.date()) - timedelta(days=stream.days) if held else None


def _expired(rows: DataFrame, stream: Stream) -> DataFrame:
    """What came too late to be kept, such as a replay of long ago."""
    return rows.select(
        fn.lit(stream.name).alias("stream"),
        fn.col(stream.record["id_field"]).alias("record_id"),
        fn.lit(EXPIRED).alias("code"),
        fn.lit(stream.table.time).alias("field"),
        fn.lit(STREAM).alias("origin"),
        fn.lit("").alias("source_object"),
        fn.lit(None).cast("string").alias("detail"),
    )


def _forget(
    spark: SparkSession, notes: Sequence[Table], lake: Sequence[Stream], now: datetime
) -> None:
    """Remove what was noted of objects that the buckets no longer hold."""
    first = now.date() - timedelta(days=max(stream.days for stream in lake)) - rejections.REPEATED
    for table in notes:
        tables.delete_before(spark, table, first)


if __name__ == "__main__":
    main(sys.argv[1:])
