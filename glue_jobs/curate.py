"""Glue job: what was delivered at least once becomes tables that are unique by record id.

Sources are Firehose's Parquet, batch files in the landing zone, Firehose's error output, and the
tables as they stand. Running it again changes nothing, in whatever order records came:

- of several records with one id, the latest by its time field wins, then by content;
- only the date partitions whose content changes are written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

from glue_jobs import files, session
from glue_jobs.arguments import parse
from glue_jobs.files import ERROR_OUTPUT, LANDING, Source
from lambdas.shared import names
from lambdas.shared.secrets import key_bytes

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
    "pseudonym_secret",
)
# Stream → its record in the compiled contract.
RECORDS = {names.EVENTS: "event", names.LABELS: "label"}

IN_STATE = "_in_state"
CONTENT = "_content"
DATE = names.PARTITION_DATE


@dataclass(frozen=True, slots=True)
class Table:
    """Where one stream's records lie: Firehose's Parquet, the table now, and the table to be."""

    record: dict[str, Any]
    stream: str
    state: str
    output: str


def main(argv: Sequence[str]) -> None:
    """Run the job on both streams."""
    arguments = parse(argv, REQUIRED)
    spark = session.start("millrace-curate")
    contract = session.read_json(spark, arguments["input_contract"])
    key = _key(arguments["pseudonym_secret"])
    rejected = []
    for stream in names.STREAMS:
        table = Table(
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
        curate(spark, table, valid)
    write_rejected(spark, rejected, arguments["output_rejected"])
    spark.stop()


def _key(secret: str) -> bytes:
    """The pseudonyms' key, as the transform Lambda uses it."""
    return key_bytes(boto3.client("secretsmanager").get_secret_value(SecretId=secret))


def curate(spark: SparkSession, table: Table, more: DataFrame | None) -> None:
    """Bring one table up to date with its stream and ``more`` valid rows."""
    streamed = _parquet(spark, table.record, table.stream)
    state = _parquet(spark, table.record, table.state)
    parts = [part for part in (streamed, more) if part is not None]
    if not parts:
        return
    arrived = parts[0]
    for part in parts[1:]:
        arrived = arrived.unionByName(part)
    rows = arrived.withColumn(IN_STATE, fn.lit(0))
    if state is not None:
        rows = rows.unionByName(state.withColumn(IN_STATE, fn.lit(1)))
    winners = _winners(rows, table.record).cache()
    changed = _changed_dates(winners)
    if changed:
        _write(spark, winners, table, changed)
    winners.unpersist()


def _parquet(spark: SparkSession, record: dict[str, Any], path: str) -> DataFrame | None:
    """Rows of a table by the contract's columns; None if it has no file yet.

    Dates of partitions are not read: they follow from the record's own time.
    """
    if not session.has_files(spark, path, ".parquet"):
        return None
    reader = spark.read.schema(session.schema(record)).option("recursiveFileLookup", "true")
    return reader.parquet(path)


def _winners(rows: DataFrame, record: dict[str, Any]) -> DataFrame:
    """One row for each id: the winner, its date, and how the table now holds the id."""
    fields = [field["name"] for field in record["fields"]]
    time = record["time_field"]
    hashed = rows.withColumn(CONTENT, fn.xxhash64(*fields)).withColumn(
        DATE, fn.date_format(time, "yyyy-MM-dd")
    )
    held = fn.col(IN_STATE) == 1
    return (
        hashed.groupBy(record["id_field"])
        .agg(
            fn.max_by(fn.struct(*fields, CONTENT, DATE), fn.struct(time, CONTENT)).alias("winner"),
            fn.sum(IN_STATE).alias("held"),
            fn.max(fn.when(held, fn.col(CONTENT))).alias("held_content"),
            fn.collect_set(fn.when(held, fn.col(DATE))).alias("held_dates"),
        )
        .select("winner.*", "held", "held_content", "held_dates")
    )


def _changed_dates(winners: DataFrame) -> dict[str, bool]:
    """Dates whose partition must be written; False: its last record moved elsewhere."""
    new = fn.coalesce(
        (fn.col("held") != 1) | (fn.col("held_content") != fn.col(CONTENT)), fn.lit(True)
    )
    touched = winners.where(new).select(
        fn.explode(fn.array_union(fn.array(DATE), "held_dates")).alias(DATE)
    )
    dates = {row[0] for row in touched.distinct().collect()}
    if not dates:
        return {}
    present = {row[0] for row in winners.select(DATE).distinct().collect()}
    return {date: date in present for date in dates}


def _write(spark: SparkSession, winners: DataFrame, table: Table, changed: dict[str, bool]) -> None:
    fields = [field["name"] for field in table.record["fields"]]
    kept = [date for date, present in changed.items() if present]
    rows = winners.where(fn.col(DATE).isin(kept)).select(*fields, DATE)
    # One file for each date, in the order of ids, so that the same content gives the same file.
    rows = rows.repartition(DATE).sortWithinPartitions(DATE, table.record["id_field"])
    rows.write.mode("overwrite").partitionBy(DATE).parquet(table.output)
    for date, present in changed.items():
        if not present:
            session.delete(spark, f"{table.output}{DATE}={date}/")


def write_rejected(spark: SparkSession, parts: list[DataFrame], output: str) -> None:
    """Replace the table of rejected records; one row for each id, reason and origin."""
    rows = spark.createDataFrame([], files.REJECTED)
    for part in parts:
        rows = rows.unionByName(part)
    reason = [name for name in files.REJECTED.names if name != "source_object"]
    unique = rows.groupBy(*reason).agg(fn.min("source_object").alias("source_object"))
    unique.coalesce(1).write.mode("overwrite").parquet(output)


if __name__ == "__main__":
    main(sys.argv[1:])
