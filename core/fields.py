"""The checks of a record's fields, with what only the record knows about them."""

from __future__ import annotations

from typing import Final

from core.checks import Check, checker, classified
from core.contract import Field, Record

PSEUDONYMISE: Final = "pseudonymise"


def time_field(record: Record) -> Field:
    """The field of the record's own time."""
    return next(field for field in record["fields"] if field["name"] == record["time_field"])


def check_of(field: Field, record: Record) -> Check:
    """The check of one field of this record.

    No partition may lie outside the contract's years: one record from the year 9999 would open a
    partition of its own, and Firehose keeps 500 at most.
    """
    if field["name"] != record["time_field"]:
        return checker(field)
    return checker({**field, "earliest": record["earliest"], "latest": record["latest"]})


def require_supported(field: Field, record: Record) -> None:
    """Refuse a contract that asks for something this module would silently not do."""
    name, treatment = field["name"], field.get("treatment")
    if treatment not in (None, PSEUDONYMISE):
        raise ValueError(f"treatment of {name} is {treatment!r}; allowed: {PSEUDONYMISE}")
    if name in (record["id_field"], record["time_field"]):
        if classified(field):
            raise ValueError(f"{name} is key or time of {record['name']}: it can't be classified")
        if not field["required"]:
            raise ValueError(f"{name} is key or time of {record['name']}: it must be required")
    if "not_after" in field and (treatment or field["type"] != "timestamp"):
        raise ValueError(f"{name} has notAfter: it must be an untreated timestamp")
