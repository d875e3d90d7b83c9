"""Moments of Python as Spark compares them, and the newest one of a table."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as fn

from glue_jobs import tables, windows
from glue_jobs.tables import Table


def literal(value: datetime) -> Column:
    """A moment as a column."""
    return fn.lit(windows.iso(value)).cast("timestamp")


def microseconds(value: datetime) -> int:
    """Microseconds since the epoch."""
    return (value - datetime.fromtimestamp(0, UTC)) // windows.RESOLUTION


def moment(microseconds: int) -> datetime:
    """The moment of so many microseconds since the epoch."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )


def newest(
    spark: SparkSession, table: Table, snapshot: int | None, limit: datetime
) -> datetime | None:
    """A table's newest time up to ``limit``; it lies on the latest day that has one."""
    days = tables.dates(spark, table, snapshot)
    for day in reversed([day for day in days if day <= limit.date()]):
        rows = tables.read(spark, table, snapshot).where(tables.within(table.time, [(day, day)]))
        # Epoch microseconds: collected timestamps would come in the driver's own time zone.
        times = rows.select(fn.unix_micros(table.time).alias("at"))
        known = times.where(fn.col("at") <= microseconds(limit))
        found = known.agg(fn.max("at")).collect()[0][0]
        if found is not None:
            return moment(found)
    return None
