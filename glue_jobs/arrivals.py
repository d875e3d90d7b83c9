"""What arrived since the last run: objects that the table of deliveries does not hold.

Firehose writes into a folder for each day of arrival, so the few days since the last run are
listed, whatever lies before them. Its clock is that of the oldest record in an object, and it tries
for a day to deliver one: https://docs.aws.amazon.com/firehose/latest/dev/retry.html. An object of
the landing zone may have any name, so all names there are listed, and none is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pyspark.sql import SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import session, tables
from glue_jobs.tables import Table

STREAM, LANDING, ERROR_OUTPUT = "stream", "landing", "error_output"
COLUMNS = types.StructType(
    [
        types.StructField("stream", types.StringType()),
        types.StructField("origin", types.StringType()),
        types.StructField("object", types.StringType()),
        types.StructField("bytes", types.LongType()),
        types.StructField("modified", types.TimestampType()),
        types.StructField("taken_at", types.TimestampType()),
    ]
)
# Delivery is tried for 24 hours, after a buffer's quarter of an hour.
LATE = timedelta(hours=26)


class Source(NamedTuple):
    """Where the objects of one stream from one origin lie."""

    stream: str
    origin: str
    path: str


class Arrived(NamedTuple):
    """An object that was not taken yet, or was changed since (``again``)."""

    source: Source
    path: str
    bytes: int
    modified: int
    """Milliseconds since 1970."""
    again: bool = False


def table(database: str) -> Table:
    """The table of deliveries."""
    return Table(tables.name(database, names.TABLE_DELIVERIES), COLUMNS, "taken_at")


def since(spark: SparkSession, deliveries: Table, sources: Sequence[Source]) -> list[Arrived]:
    """Objects that arrived since the last run, in the order of sources and names."""
    last = _last(spark, deliveries)
    first = (last - LATE).date() if last else date.min
    known = _known(spark, deliveries, first) if last else {}
    return [
        Arrived(source, path, size, modified, again=path in known)
        for source in sources
        for folder in _folders(spark, source, first)
        for path, size, modified in session.files(spark, folder)
        if modified not in known.get(path, ())
    ]


def record(
    spark: SparkSession, deliveries: Table, arrived: Sequence[Arrived], taken_at: datetime
) -> None:
    """Remember what was taken, once all that is in it has its place."""
    rows = [
        (*one.source[:2], one.path, one.bytes, _moment(one.modified), taken_at) for one in arrived
    ]
    tables.append(spark.createDataFrame(rows, COLUMNS), deliveries)


def _last(spark: SparkSession, deliveries: Table) -> datetime | None:
    """When the newest delivery was taken, which Iceberg knows without reading a file."""
    newest = spark.table(deliveries.name).agg(fn.max("taken_at").alias("at"))
    (row,) = newest.select(fn.unix_millis("at")).collect()
    return None if row[0] is None else _moment(row[0])


def _known(spark: SparkSession, deliveries: Table, first: date) -> dict[str, set[int]]:
    """When objects had been changed last that were taken; of the landing zone, all of them."""
    rows = spark.table(deliveries.name).where(
        (fn.col("origin") == LANDING) | tables.since("taken_at", first)
    )
    found: dict[str, set[int]] = {}
    for path, modified in rows.select("object", fn.unix_millis("modified")).collect():
        found.setdefault(path, set()).add(modified)
    return found


def _folders(spark: SparkSession, source: Source, first: date) -> list[str]:
    """Folders that may hold news; one whose name is no day may hold anything."""
    if source.origin == LANDING:
        return [source.path]
    if source.origin == ERROR_OUTPUT:
        kinds = session.folders(spark, source.path)
        places = [f"{source.path}{kind}/" for kind in kinds]
    else:
        places = [source.path]
    return [
        f"{place}{name}/"
        for place in places
        for name in session.folders(spark, place)
        if _day(name) >= first
    ]


def _day(name: str) -> date:
    try:
        return date.fromisoformat(name.removeprefix(f"{names.ARRIVED}="))
    except ValueError:
        return date.max


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
