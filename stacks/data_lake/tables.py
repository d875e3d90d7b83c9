"""Glue tables from the compiled contract: names, columns, partitions and places.

Plain data, so that tests compare it with the contract without a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import names

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
    """A table and where its objects lie.

    An Iceberg table has one column here, of the key: the curate job gives it all others.
    """

    name: str
    zone: str
    prefix: str
    columns: tuple[Column, ...]
    partitions: tuple[Column, ...] = ()
    iceberg: bool = False
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
    """All tables of the lake: two that Firehose writes, and those of the curate job."""
    records = {names.EVENTS: contract["event"], names.LABELS: contract["label"]}
    streamed = {names.EVENTS: names.TABLE_EVENTS_STREAM, names.LABELS: names.TABLE_LABELS_STREAM}
    born = {names.TABLE_REJECTED: "stream", names.TABLE_DELIVERIES: "stream"}
    born |= {stream: record["id_field"] for stream, record in records.items()}
    return (
        *(
            _streamed(streamed[stream], names.RAW_STREAM[stream], record)
            for stream, record in records.items()
        ),
        *(
            TableDefinition(table, "curated", place, (Column(born[table], "string"),), iceberg=True)
            for table, place in names.CURATED.items()
        ),
    )


def _streamed(name: str, prefix: str, record: Mapping[str, Any]) -> TableDefinition:
    return TableDefinition(
        name,
        "raw",
        prefix,
        columns(record["fields"]),
        partitions=(Column(names.ARRIVED, "string"),),
        dates=ARRIVALS,
    )
