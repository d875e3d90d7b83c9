"""The table of rejected records: each with the reason, where it came from and when it was found.

A row stands for a record, or for a file that nobody could read. The same record is told once for
each reason and origin, however often it comes within a month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import tables
from glue_jobs.tables import Table

# Code of the row that stands for a whole file.
UNREADABLE = "unreadable_file"
NAMES = ("stream", "record_id", "code", "field", "origin", "source_object", "detail")
COLUMNS = types.StructType([types.StructField(name, types.StringType()) for name in NAMES])
FOUND_AT = "found_at"
REPEATED = timedelta(days=31)
_FILE = f"{names.WORKING}file"


class Rejected(NamedTuple):
    """A row of ``rejected``; ``detail`` is there for files only."""

    stream: str
    record_id: str
    code: str
    field: str | None
    origin: str
    source_object: str
    detail: str | None = None


def of_a_file(path: str) -> str:
    """The id of a row for a file that was not opened; else the id is that of its bytes."""
    return f"file:{path}"


def rows(spark: SparkSession, found: Sequence[Rejected]) -> DataFrame:
    """Rows of ``rejected`` as a table."""
    return spark.createDataFrame([tuple(one) for one in found], COLUMNS)


def table(database: str) -> Table:
    """The table of rejected records."""
    columns = types.StructType([*COLUMNS, types.StructField(FOUND_AT, types.TimestampType())])
    return Table(tables.name(database, names.TABLE_REJECTED), columns, FOUND_AT)


def write(
    spark: SparkSession,
    rejected: Table,
    found: DataFrame,
    found_at: datetime,
    taken_again: Sequence[str] = (),
) -> None:
    """Add what was found; what was said of objects that were ``taken_again`` no longer stands."""
    if taken_again:
        places = ", ".join(map(_quoted, taken_again))
        spark.sql(f"DELETE FROM {rejected.name} WHERE source_object IN ({places})")  # noqa: S608
    told = spark.table(rejected.name).where(tables.since(FOUND_AT, _first(found_at)))
    fresh = _unique(found).alias("new").join(
        told.select(*NAMES, _place().alias(_FILE)).alias("old"), _same(), "left_anti"
    ).cache()  # fmt: skip
    if not fresh.isEmpty():
        tables.append(fresh.withColumn(FOUND_AT, fn.lit(found_at)), rejected)


def _first(found_at: datetime) -> date:
    return (found_at - REPEATED).date()


def _place() -> Column:
    """Each refused file has a row of its own, whatever else has the same bytes."""
    return fn.when(fn.col("detail").isNotNull(), fn.col("source_object"))


def _reason() -> list[str]:
    return [name for name in NAMES if name != "source_object"]


def _unique(found: DataFrame) -> DataFrame:
    """One row for each id, reason and origin."""
    grouped = found.groupBy(*_reason(), _place().alias(_FILE))
    return grouped.agg(fn.min("source_object").alias("source_object"))


def _same() -> Column:
    same = fn.lit(True)
    for name in (*_reason(), _FILE):
        same = same & fn.col(f"new.{name}").eqNullSafe(fn.col(f"old.{name}"))
    return same


def _quoted(text: str) -> str:
    """A text as Spark's SQL has it: parameters of ``sql()`` cannot be lists."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
