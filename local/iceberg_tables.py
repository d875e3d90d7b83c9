"""Reads tables of Iceberg in the Glue catalog without Spark, as whoever the clients sign for.

What is read is one snapshot: who changes the table meanwhile changes nothing of it. Rows that a
delete file takes away are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import StaticTable

# boto3's name of a service -> a client of it
ClientOf = Callable[[str], Any]
FORMAT, KIND, PLACE = "ICEBERG", "table_type", "metadata_location"


def metadata_place(entry: Mapping[str, Any]) -> str | None:
    """Where the metadata of a table in the catalog lies; None if it is none of Iceberg."""
    parameters = entry.get("Parameters") or {}
    if str(parameters.get(KIND, "")).upper() != FORMAT:
        return None
    found: str | None = parameters.get(PLACE)
    return found


def place(client_of: ClientOf, database: str, table: str) -> str:
    """Where the present metadata of a table lies: another place after each change of it.

    Raises:
        ValueError: it is none of Iceberg.
        botocore.exceptions.ClientError: the catalog refuses, or has no such table.
    """
    entry = client_of("glue").get_table(DatabaseName=database, Name=table)["Table"]
    found = metadata_place(entry)
    if found is None:
        raise ValueError(f"{database}.{table} is no table of Iceberg: {KIND} or {PLACE} is missing")
    return found


def load(client_of: ClientOf, database: str, table: str) -> StaticTable:
    """The table as the catalog knows it now: its schema, its snapshots.

    Raises:
        ValueError: it is none of Iceberg.
        PermissionError: the caller may not read its metadata.
        botocore.exceptions.ClientError: the catalog refuses, or has no such table.
    """
    return at(client_of("s3"), place(client_of, database, table))


def at(client: Any, metadata: str) -> StaticTable:
    """The table that a metadata file describes."""
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.serializers import FromInputFile
    from pyiceberg.table import StaticTable

    from local.iceberg_files import S3Files

    files = S3Files(client)
    return StaticTable(
        identifier=("static", metadata),
        metadata=FromInputFile.table_metadata(files.new_input(metadata)),
        metadata_location=metadata,
        io=files,
        catalog=NoopCatalog("static"),
    )


def rows(
    table: StaticTable, columns: Sequence[str] | None = None, snapshot: int | None = None
) -> pa.Table:
    """Rows of a loaded table: all columns or some, as it was loaded or was at a snapshot.

    Raises:
        ValueError: it has no such column or snapshot.
        PermissionError: the caller may not read one of its files.
    """
    if snapshot is not None and table.snapshot_by_id(snapshot) is None:
        known = [one.snapshot_id for one in table.snapshots()]
        raise ValueError(f"{table.location()} has no snapshot {snapshot}; it has {known}")
    names = ("*",) if columns is None else tuple(columns)
    return table.scan(selected_fields=names, snapshot_id=snapshot).to_arrow()


def read(
    client_of: ClientOf,
    database: str,
    table: str,
    columns: Sequence[str] | None = None,
    snapshot: int | None = None,
) -> pa.Table:
    """Rows of a table of the catalog, as :func:`load` and :func:`rows`."""
    return rows(load(client_of, database, table), columns, snapshot)
