"""What of Athena's SQL runs here: SELECT, on tables as they are or were at a snapshot.

What else Athena runs, and the local platform does not, is refused by name.
"""

from __future__ import annotations

import re

from local.emulator.private_tables import pin

pin("ministack.services.athena", _table_references="callable")
READING = ("select", "with", "values", "explain", "(")
# table, database -> id of a snapshot
Snapshots = dict[tuple[str, str], int]
_FIRST = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\(|\w+)", re.DOTALL)
_VERSION = re.compile(r"\s+FOR\s+VERSION\s+AS\s+OF\s+(\d+)\b", re.IGNORECASE)
_TRAVEL = re.compile(r"\s+FOR\s+(\w+\s+AS\s+OF\b[^,)]{0,40})", re.IGNORECASE)


class NotSupportedError(ValueError):
    """A statement that runs on Athena and not here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"NOT_SUPPORTED by the local platform: {what}")


def assert_reads(query: str) -> None:
    """Refuse what changes a table, or asks Athena itself."""
    found = _FIRST.match(query)
    word = found[1].lower() if found else ""
    if word not in READING:
        raise NotSupportedError(f"{word.upper()}; it runs SELECT")


def at_snapshots(query: str, database: str) -> tuple[str, Snapshots]:
    """The query without its FOR VERSION AS OF, and the snapshots that it named."""
    from ministack.services import athena

    snapshots: dict[tuple[str, str], int | None] = {}
    text = query
    for reference in sorted(athena._table_references(query), key=lambda one: -one.start):
        table = (reference.database or database, reference.table)
        if "$" in reference.table:
            raise NotSupportedError(f"metadata tables of Iceberg, such as {reference.table}")
        named = _VERSION.match(query, reference.end)
        if named is None and (travel := _TRAVEL.match(query, reference.end)):
            raise NotSupportedError(f"FOR {travel[1].strip()}; allowed: FOR VERSION AS OF <id>")
        snapshot = int(named[1]) if named else None
        if snapshots.setdefault(table, snapshot) != snapshot:
            raise NotSupportedError(f"{'.'.join(table)} at two snapshots in one query")
        if named:
            text = text[: named.start()] + text[named.end() :]
    return text, {table: one for table, one in snapshots.items() if one is not None}
