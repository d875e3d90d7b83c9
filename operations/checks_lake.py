"""Checks of the lake's tables, as the catalog knows them."""

from __future__ import annotations

from typing import Any

from core import names
from operations.subject import CheckFailedError, Subject
from stacks.data_lake.tables import ARRIVALS


def _require(condition: bool, seen: str) -> None:
    if not condition:
        raise CheckFailedError(seen)


def catalog_follows_contract(subject: Subject) -> str:
    """The events' stream table has the contract's columns and projects every day of arrival."""
    table = _table(subject, names.TABLE_EVENTS_STREAM)
    columns = _columns(table)
    record = subject.deployment.contract["event"]
    _require(columns == [f["name"] for f in record["fields"]], f"columns are {columns}")
    days = table["Parameters"].get(f"projection.{names.ARRIVED}.range")
    _require(days == ",".join(ARRIVALS), f"projected days are {days}, those of arrivals {ARRIVALS}")
    return f"{len(columns)} columns, days {days}"


def curated_tables_are_icebergs(subject: Subject) -> str:
    """Each curated table is Iceberg's; those of records have all fields once curate has run."""
    contract = subject.deployment.contract
    records = {names.TABLE_EVENTS: contract["event"], names.TABLE_LABELS: contract["label"]}
    raised = []
    for name in names.CURATED:
        table = _table(subject, name)
        parameters = table.get("Parameters", {})
        kind, place = parameters.get("table_type", ""), parameters.get("metadata_location")
        _require(kind.upper() == "ICEBERG" and bool(place), f"{name}: {kind!r} {place!r}")
        columns = _columns(table)
        # A table is born with its key alone; the curate job gives it the others.
        if name in records and len(columns) > 1:
            lacking = {f["name"] for f in records[name]["fields"]} - set(columns)
            _require(not lacking, f"{name} lacks {sorted(lacking)}; a curate run adds them")
            raised.append(name)
    return f"{len(names.CURATED)} tables; with all fields: {', '.join(raised) or 'none yet'}"


def _table(subject: Subject, name: str) -> dict[str, Any]:
    glue = subject.session.client("glue")
    found: dict[str, Any] = glue.get_table(DatabaseName=subject.deployed.database(), Name=name)
    entry: dict[str, Any] = found["Table"]
    return entry


def _columns(table: dict[str, Any]) -> list[str]:
    """Present ones: Iceberg leaves those of earlier schemas in the entry, and says so."""
    return [
        column["Name"]
        for column in table["StorageDescriptor"]["Columns"]
        if column.get("Parameters", {}).get("iceberg.field.current") != "false"
    ]
