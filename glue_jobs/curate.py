"""Glue job: what was delivered at least once becomes tables that are unique by record id.

Sources are Firehose's Parquet, batch files in the landing zone, Firehose's error output, and the
tables as they stand. Running it again changes nothing, in whatever order records came:

- of several records with one id, the latest by its time field wins, then by content;
- only the date partitions whose content changes are written.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from core import names
from core.pseudonyms import derived_key
from glue_jobs import files, schema_evolution, session, streams
from glue_jobs.arguments import parse
from glue_jobs.files import ERROR_OUTPUT, LANDING, Source, union

REQUIRED = (
    "input_contract",
    "input_events_stream",
    "input_labels_stream",
    "input_errors",
    "input_landing",
    "input_events",
    "input_labels",
    "output_events",
    "output_labels",
    "output_rejected",
    "pseudonym_key",
)
# Stream → its record in the compiled contract.
RECORDS = {names.EVENTS: "event", names.LABELS: "label"}

IN_STATE, CONTENT, STREAM, KEY, TIME, WINNER = (
    f"{names.WORKING}{name}" for name in ("in_state", "content", "stream", "key", "time", "winner")
)
DATE = names.PARTITION_DATE
# For each stream: dates whose partition must be written; False: its last record moved elsewhere.
Changes = dict[str, dict[str, bool]]


@dataclass(frozen=True, slots=True)
class Table:
    """Where one stream's records lie: Firehose's Parquet, the table now, and the table to be."""

    name: str
    record: dict[str, Any]
    stream: str
    state: str
    output: str


# A table and the valid rows that came for it as text.
Incoming = tuple[Table, DataFrame | None]


@dataclass(frozen=True, slots=True)
class Update:
    """A table with the rows that it holds (None: none yet) and those that arrived for it.

    Where ``outdated``, files of the table have types of an earlier contract: all are written anew.
    """

    table: Table
    state: DataFrame | None
    arrived: DataFrame
    outdated: bool = False


def main(argv: Sequence[str]) -> None:
    """Run the job on both streams.

    Raises:
        SystemExit: a table could not be brought up to date; the other one is.
    """
    arguments = parse(argv, REQUIRED)
    spark = session.start("millrace-curate")
    contract = session.read_json(spark, arguments["input_contract"])
    key = _key(arguments["pseudonym_key"])
    rejected, incoming = list[DataFrame](), list[Incoming]()
    for stream in names.STREAMS:
        table = Table(
            name=stream,
            record=contract[RECORDS[stream]],
            stream=arguments[f"input_{stream}_stream"],
            state=arguments[f"input_{stream}"],
            output=arguments[f"output_{stream}"],
        )
        sources = [
            Source(stream, LANDING, f"{arguments['input_landing']}{stream}/"),
            Source(stream, ERROR_OUTPUT, f"{arguments['input_errors']}{stream}/"),
        ]
        valid, refused = files.read(spark, table.record, sources, key)
        if refused is not None:
            rejected.append(refused)
        incoming.append((table, valid))
    found, failures = bring_up_to_date(spark, incoming)
    files.write_rejected(spark, [*rejected, *found], arguments["output_rejected"])
    if failures:
        raise SystemExit("; ".join(failures))


def _key(key_arn: str) -> bytes:
    """The pseudonyms' key, as the transform Lambda uses it."""
    return derived_key(boto3.client("kms"), key_arn)


def bring_up_to_date(
    spark: SparkSession, incoming: Sequence[Incoming]
) -> tuple[list[DataFrame], list[str]]:
    """Curate both tables in one pass; should that fail, each alone and without damaged files.

    Returns rows of ``rejected`` for what files hold that no contract's type does, for damaged
    files, and what failed for good.
    """
    try:
        return _curated(spark, [_update(spark, table, more) for table, more in incoming]), []
    except streams.SPARK_ERRORS:
        sys.stderr.write(f"a table cannot be read as a whole:\n{traceback.format_exc()}")
    rejected, failures = list[DataFrame](), list[str]()
    for table, more in incoming:
        try:
            found = streams.unreadable(spark, table.record, table.stream)
            damaged = [files.damaged(table.name, uri, reason) for uri, reason in found.items()]
            rejected += [files.rows(spark, damaged)] if damaged else []
            rejected += _curated(spark, [_update(spark, table, more, list(found))])
        except streams.SPARK_ERRORS as error:
            sys.stderr.write(traceback.format_exc())
            failures.append(f"{table.name} could not be curated: {str(error).splitlines()[0]}")
    return rejected, failures


# What a table has to be merged with, if anything, and rows of rejected found on the way.
Found = tuple[Update | None, list[DataFrame]]


def _update(
    spark: SparkSession, table: Table, more: DataFrame | None, without: Sequence[str] = ()
) -> Found:
    """A table's stream, but for some files, and ``more`` valid rows."""
    streamed = schema_evolution.read(spark, table.record, table.stream, table.name, without)
    parts = [part for part in (streamed and streamed.rows, more) if part is not None]
    state = schema_evolution.read(spark, table.record, table.state, table.name) if parts else None
    uncast = [one.rejected for one in (streamed, state) if one and one.rejected is not None]
    if not parts:
        return None, uncast
    rows, outdated = (state.rows, state.outdated) if state else (None, False)
    return Update(table, rows, union(parts), outdated), uncast


def _curated(spark: SparkSession, found: Sequence[Found]) -> list[DataFrame]:
    curate(spark, [update for update, _ in found if update is not None])
    return [part for _, uncast in found for part in uncast]


def curate(spark: SparkSession, updates: Sequence[Update]) -> None:
    """Bring tables up to date.

    What changes is found in one pass over keys, times and hashes of all tables together; whole
    records are shuffled only for a table that has news. Most runs have few.
    """
    known = [update for update in updates if update.state is not None]
    changes = _changes([_identities(update) for update in known])
    for update in updates:
        changed = changes.get(update.table.name, {})
        if update.state is None or changed or update.outdated:
            _write(spark, update, changed)


def _fields(table: Table) -> list[str]:
    return [field["name"] for field in table.record["fields"]]


def _content(table: Table) -> Column:
    return fn.xxhash64(*_fields(table))


def _date(table: Table) -> Column:
    return fn.date_format(table.record["time_field"], "yyyy-MM-dd")


def _identities(update: Update) -> DataFrame:
    """Each row of a table and of what arrived for it as key, time, hash and date."""
    table = update.table
    columns = [
        fn.lit(table.name).alias(STREAM),
        fn.col(table.record["id_field"]).alias(KEY),
        fn.col(table.record["time_field"]).alias(TIME),
        _content(table).alias(CONTENT),
        _date(table).alias(DATE),
    ]
    parts = [update.arrived.select(*columns, fn.lit(0).alias(IN_STATE))]
    if update.state is not None:
        parts.append(update.state.select(*columns, fn.lit(1).alias(IN_STATE)))
    return union(parts)


def _changes(parts: Sequence[DataFrame]) -> Changes:
    if not parts:
        return {}
    held = fn.col(IN_STATE) == 1
    winners = (
        union(parts)
        .groupBy(STREAM, KEY)
        .agg(
            fn.max_by(fn.struct(CONTENT, DATE), fn.struct(TIME, CONTENT)).alias("winner"),
            fn.sum(IN_STATE).alias("held"),
            fn.max(fn.when(held, fn.col(CONTENT))).alias("held_content"),
            fn.collect_set(fn.when(held, fn.col(DATE))).alias("held_dates"),
        )
        .select(STREAM, "winner.*", "held", "held_content", "held_dates")
    )
    new = fn.coalesce(
        (fn.col("held") != 1) | (fn.col("held_content") != fn.col(CONTENT)), fn.lit(True)
    )
    own = fn.array(DATE)
    touched = winners.select(
        STREAM,
        fn.col(DATE).alias("winner_date"),
        new.alias("new"),
        fn.explode(fn.when(new, fn.array_union(own, "held_dates")).otherwise(own)).alias(DATE),
    )
    by_date = touched.groupBy(STREAM, DATE).agg(
        fn.max("new"), fn.max(fn.col("winner_date") == fn.col(DATE))
    )
    changes: Changes = {}
    for stream, date, changed, present in by_date.collect():
        if changed:
            changes.setdefault(stream, {})[date] = present
    return changes


def _write(spark: SparkSession, update: Update, changed: dict[str, bool]) -> None:
    """Replace the partitions of ``changed`` dates; all if there is no table yet, or an old one."""
    table, fields = update.table, _fields(update.table)
    id_field, time = table.record["id_field"], table.record["time_field"]
    rows = update.arrived if update.state is None else union([update.arrived, update.state])
    content = _content(table).alias(CONTENT)
    winners = (
        rows.select(*fields, content, _date(table).alias(DATE))
        .groupBy(id_field)
        .agg(fn.max_by(fn.struct(*fields, DATE), fn.struct(time, CONTENT)).alias(WINNER))
        .select(f"{WINNER}.*")
    )
    if update.state is not None and not update.outdated:
        winners = winners.where(fn.col(DATE).isin([date for date, kept in changed.items() if kept]))
    kept = winners.select(DATE).distinct().collect() if update.outdated else []
    # One file for each date, in the order of ids, so that the same content gives the same file.
    ordered = winners.repartition(DATE).sortWithinPartitions(DATE, id_field)
    ordered.write.mode("overwrite").partitionBy(DATE).parquet(table.output)
    gone = [date for date, present in changed.items() if not present]
    if update.outdated:
        gone = sorted({*session.partitions(spark, table.output, DATE)} - {row[0] for row in kept})
    for date in gone:
        session.delete(spark, f"{table.output}{DATE}={date}/")


if __name__ == "__main__":
    main(sys.argv[1:])
