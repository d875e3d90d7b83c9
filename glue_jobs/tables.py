"""The lake's Iceberg tables: raised to the contract, read as of a snapshot.

The template gives birth to a table with a column or two; everything else follows the contract's
versions and is the curate job's to change, since CloudFormation breaks an Iceberg table that it
updates: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1919.
A column that the contract no longer has stays, and is null in new rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import session

# Deletes and updates write what changed, not the files it is in; the table optimizers compact.
_PROPERTIES = {
    **{f"write.{act}.mode": "merge-on-read" for act in ("merge", "update", "delete")},
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
}
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its name in Spark, with the columns that it ought to have."""

    name: str
    columns: types.StructType
    time: str
    """Its partitions are days of this column (UTC)."""


def name(database: str, table: str) -> str:
    """A table's name in Spark."""
    return f"{names.CATALOG}.`{database}`.{table}"


def of_record(database: str, table: str, record: dict[str, Any]) -> Table:
    """The table of a record of the compiled contract."""
    return Table(name(database, table), session.schema(record), record["time_field"])


def snapshot(spark: SparkSession, table: str) -> int | None:
    """Id of the present snapshot; None if nothing was ever written."""
    found = spark.table(f"{table}.refs").where(fn.col("name") == "main").select("snapshot_id")
    return next((row[0] for row in found.collect()), None)


def snapshots(spark: SparkSession, table: str) -> set[int]:
    """Ids of all snapshots that have not expired."""
    found = spark.table(f"{table}.snapshots").select("snapshot_id").collect()
    return {row[0] for row in found}


def read(spark: SparkSession, table: Table, snapshot: int | None = None) -> DataFrame:
    """All rows, with the wanted columns alone; null where a snapshot has none of the name yet."""
    reader = spark.read
    if snapshot is not None:
        reader = reader.option("snapshot-id", snapshot)
    rows = reader.table(table.name)
    held = set(rows.columns)
    return rows.select(
        *[
            fn.col(one.name)
            if one.name in held
            else fn.lit(None).cast(one.dataType).alias(one.name)
            for one in table.columns
        ]
    )


def dates(spark: SparkSession, table: Table, snapshot: int | None = None) -> list[date]:
    """Days of which there are rows, in order, without reading any."""
    reader = spark.read
    if snapshot is not None:
        reader = reader.option("snapshot-id", snapshot)
    found = reader.table(f"{table.name}.partitions")
    if "partition" not in found.columns:
        return []
    days = found.where(fn.col("record_count") > 0).select("partition.*").distinct().collect()
    return sorted(row[0] for row in days if row[0] is not None)


def spans(days: Sequence[date], margin: int = 0) -> list[tuple[date, date]]:
    """Runs of consecutive days as first and last, each wider by ``margin`` days at both ends."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        first, last = day - margin * DAY, day + margin * DAY
        if found and first <= found[-1][1] + DAY:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def within(time: str | Column, found: Sequence[tuple[date, date]]) -> Column:
    """Whether a time lies on one of these days; Iceberg reads no other partition for it."""
    moment = fn.col(time) if isinstance(time, str) else time
    inside = fn.lit(False)
    for first, last in found:
        low, high = (fn.lit(f"{day} 00:00:00").cast("timestamp") for day in (first, last + DAY))
        inside = inside | ((moment >= low) & (moment < high))
    return inside


def since(time: str, day: date) -> Column:
    """Whether a time lies on this day or a later one."""
    return fn.col(time) >= fn.lit(f"{max(day, date(1, 1, 2))} 00:00:00").cast("timestamp")


def append(rows: DataFrame, table: Table) -> None:
    """Add rows; columns that the table has besides stay null."""
    aligned(rows, table).writeTo(table.name).append()


def aligned(rows: DataFrame, table: Table) -> DataFrame:
    """Rows with all columns that the table has, in its order."""
    held = rows.sparkSession.table(table.name).schema
    given = set(rows.columns)
    return rows.select(
        *[
            fn.col(one.name)
            if one.name in given
            else fn.lit(None).cast(one.dataType).alias(one.name)
            for one in held
        ]
    )


def raise_to(spark: SparkSession, table: Table) -> dict[str, types.DataType]:
    """Give a table what it lacks of its columns, and at birth its partitions and properties.

    Returns columns that it has by another type than the wanted one, with that type.
    """
    held = {one.name: one.dataType for one in spark.table(table.name).schema}
    absent = [one for one in table.columns if one.name not in held]
    if absent:
        added = ", ".join(_declared(one) for one in absent)
        spark.sql(f"ALTER TABLE {table.name} ADD COLUMNS ({added})")
    if table.time in {one.name for one in absent}:
        spark.sql(f"ALTER TABLE {table.name} ADD PARTITION FIELD days(`{table.time}`)")
        given = ", ".join(f"'{key}'='{value}'" for key, value in _PROPERTIES.items())
        spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({given})")
    return {
        one.name: held[one.name]
        for one in table.columns
        if one.name in held and held[one.name] != one.dataType
    }


def _declared(column: types.StructField) -> str:
    comment = (column.metadata or {}).get("comment", "")
    said = comment.replace("\\", "\\\\").replace("'", "\\'")
    kind = f"`{column.name}` {column.dataType.simpleString()}"
    return f"{kind} COMMENT '{said}'" if said else kind


def replace(rows: DataFrame, table: Table) -> None:
    """Put rows in place of all that a table holds, in one commit; its history stays."""
    writer = rows.select(*table.columns.names).writeTo(table.name).using("iceberg")
    for key, value in {"format-version": "2", **_PROPERTIES}.items():
        writer = writer.tableProperty(key, value)
    writer.partitionedBy(fn.days(table.time)).replace()


def delete_before(spark: SparkSession, table: Table, first: date) -> None:
    """Remove rows of before a day."""
    old = [day for day in dates(spark, table) if day < first]
    if old:
        early = f"`{table.time}` < timestamp'{first} 00:00:00'"
        spark.sql(f"DELETE FROM {table.name} WHERE {early}")  # noqa: S608 (names of ours)
