"""Tables of Iceberg for a query: one snapshot of each, read once, as the caller.

https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html
"""

from __future__ import annotations

import contextvars
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import iceberg_tables
from local.emulator.private_tables import pin
from local.services.athena import permissions
from local.services.athena.statements import Snapshots

pin("ministack.services.glue", _tables="scoped")
pin("ministack.services.athena", _table_references="callable")


@dataclass(slots=True)
class Reading:
    """What a query has at hand."""

    tables: dict[str, str] = field(default_factory=dict)
    """Parquet file with the rows of a table of Iceberg, by the table's location."""
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Bucket and key of each file of another table."""
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="athena-")
    )


_reading: contextvars.ContextVar[Reading | None] = contextvars.ContextVar(
    "athena_reading", default=None
)


def current() -> Reading:
    """Of the query that is being run."""
    found = _reading.get()
    assert found is not None, "no query is being run"
    return found


@contextmanager
def at_hand(reading: Reading) -> Iterator[None]:
    """Run a query with what was read for it, which is gone afterwards."""
    token = _reading.set(reading)
    try:
        yield
    finally:
        _reading.reset(token)
        reading.folder.cleanup()


def read(query: str, database: str, snapshots: Snapshots) -> Reading:
    """Read a query's tables of Iceberg; the caller's rights are decided table by table.

    Raises:
        PermissionError: the caller may not read one of them.
        ValueError: a table's metadata is not there, or lacks a snapshot.
    """
    from ministack.services import athena, glue

    found = Reading()
    for reference in athena._table_references(query):
        name = (reference.database or database, reference.table)
        entry = glue._tables.get("/".join(name))
        if entry is None:
            continue
        permissions.assert_table("GetTable", *name)
        place = iceberg_tables.metadata_place(entry)
        if place is None and name in snapshots:
            raise ValueError(f"{'.'.join(name)} is no table of Iceberg: it has no versions")
        if place is not None and location(entry) not in found.tables:
            target = Path(found.folder.name) / f"{len(found.tables)}.parquet"
            _write(place, snapshots.get(name), target)
            found.tables[location(entry)] = str(target)
    return found


def location(entry: Mapping[str, Any]) -> str:
    """Where a table of the catalog lies."""
    return str((entry.get("StorageDescriptor") or {}).get("Location"))


def _write(place: str, snapshot: int | None, target: Path) -> None:
    import pyarrow.parquet as pq

    try:
        table = iceberg_tables.at(permissions.Objects(), place)
        pq.write_table(iceberg_tables.rows(table, snapshot=snapshot), target)
    except FileNotFoundError as error:
        raise ValueError(f"ICEBERG_MISSING_METADATA: {error} is missing") from error
