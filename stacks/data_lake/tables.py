"""Glue tables from the compiled contract: names, columns, partitions and places.

Plain data, so that tests compare it with the contract without a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import names

REJECTED_COLUMNS = ("stream", "record_id", "code", "field", "origin", "source_object", "detail")
DATE_LENGTH = len("2000-01-01")
# Days on which records may have arrived: from before the first deployment to today, in UTC as
# Firehose names them. https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
ARRIVALS = ("2020-01-01", "NOW")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, with its Glue (Hive) type."""

    name: str
    glue_type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A Parquet table and where its objects lie."""

    name: str
    zone: str
    prefix: str
    columns: tuple[Column, ...]
    partitions: tuple[Column, ...] = ()
    dates: tuple[str, str] = ("", "")
    """First and last date that the partitions may have, ``YYYY-MM-DD`` or ``NOW``.

    Athena finds no row of another date, and a query that names no date lists each of them.
    """


def columns(fields: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns of the contract's fields, in the contract's order."""
    return tuple(
        Column(field["name"], field["glue_type"], field.get("description", "")) for field in fields
    )


def table_definitions(contract: Mapping[str, Any]) -> tuple[TableDefinition, ...]:
    """All tables of the lake: two written by Firehose, three by the curate job."""
    streams = (
        (names.EVENTS, names.TABLE_EVENTS_STREAM, names.TABLE_EVENTS, contract["event"]),
        (names.LABELS, names.TABLE_LABELS_STREAM, names.TABLE_LABELS, contract["label"]),
    )
    tables = []
    for stream, streamed, curated, record in streams:
        tables.append(_streamed(streamed, names.RAW_STREAM[stream], record))
        tables.append(_dated(curated, "curated", names.CURATED[curated], record))
    tables.append(
        TableDefinition(
            names.TABLE_REJECTED,
            "curated",
            names.CURATED[names.TABLE_REJECTED],
            tuple(Column(name, "string") for name in REJECTED_COLUMNS),
        )
    )
    return tuple(tables)


def _streamed(name: str, prefix: str, record: Mapping[str, Any]) -> TableDefinition:
    return TableDefinition(
        name,
        "raw",
        prefix,
        columns(record["fields"]),
        partitions=(Column(names.ARRIVED, "string"),),
        dates=ARRIVALS,
    )


def _dated(name: str, zone: str, prefix: str, record: Mapping[str, Any]) -> TableDefinition:
    return TableDefinition(
        name,
        zone,
        prefix,
        columns(record["fields"]),
        partitions=(Column(names.PARTITION_DATE, "string"),),
        dates=(str(record["earliest"])[:DATE_LENGTH], str(record["latest"])[:DATE_LENGTH]),
    )
