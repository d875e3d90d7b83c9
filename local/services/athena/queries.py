"""Athena queries really run, in a work group that exists, to the place that the group enforces.

MiniStack runs queries with DuckDB over the objects of the tables' locations. Without DuckDB it
answers with made-up rows, which is refused here. It also lets a client write results anywhere and
name any work group; on AWS a group's own configuration wins unless the group says otherwise.

Partitions are those that the table projects or that are registered (``projection``); tables of
Iceberg are read by their metadata (``icebergs``), all of it as the caller (``permissions``).
Not done here: the cut-off by bytes scanned. SQL is DuckDB's, which is not all of Trino's.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import iceberg_tables
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.emulator.provisioning import truth
from local.engines.storage import S3Uri
from local.services.athena import icebergs, permissions, projection, statements

_MODULE = "ministack.services.athena"
DEFAULT_GROUP = "primary"
# Beside what DuckDB says, who would look for Athena's reason.
_ENGINE = (
    "(The local platform runs queries by DuckDB: it finds tables behind FROM and JOIN, not behind "
    "a comma, and has functions of its own.)"
)
# Formats whose files name their columns, which MiniStack then serves, declared or not.
SELF_DESCRIBING = ("parquet", "json")
pin(
    _MODULE,
    _workgroups="scoped",
    _start_query_execution="callable",
    _mock_query_results="callable",
    _ensure_default_workgroup="callable",
    _table_relation="callable",
    _empty_relation="callable",
    _data_format="callable",
    _run_duckdb="callable",
    _run_ddl="callable",
    _materialize_table_files="callable",
    _save_query_results="callable",
    _executions="scoped",
    _DropTable=type,
)


def _in_a_group(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(data: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json
        from ministack.services import athena

        athena._ensure_default_workgroup()
        name = data.get("WorkGroup", DEFAULT_GROUP)
        group = athena._workgroups.get(name)
        if group is None:
            return error_response_json(
                "InvalidRequestException", f"WorkGroup {name} is not found.", 400
            )
        if group.get("State") == "DISABLED":
            return error_response_json(
                "InvalidRequestException", f"WorkGroup {name} is disabled.", 400
            )
        settings = group.get("Configuration") or {}
        own = settings.get("ResultConfiguration")
        if own and truth(settings.get("EnforceWorkGroupConfiguration", True)):
            data = {**data, "ResultConfiguration": own}
        return original(data)

    return start


def _declared(original: Callable[..., str]) -> Callable[..., str]:
    """Only the columns that the table declares; those a file lacks are NULL, as in Athena."""

    def relation(table: dict[str, Any], files: list[str]) -> str:
        from ministack.services import athena

        reading = icebergs.current()
        if (one := reading.tables.get(icebergs.location(table))) is not None:
            return f"read_parquet('{one}')"
        seen = projection.visible(table, files)
        permissions.assert_readable(reading.keys[path] for path in seen if path in reading.keys)
        if not seen:
            return str(athena._empty_relation(table))
        found = original(table, seen)
        storage = table.get("StorageDescriptor") or {}
        columns = [*(storage.get("Columns") or []), *(table.get("PartitionKeys") or [])]
        if not columns or athena._data_format(table) not in SELF_DESCRIBING:
            return found
        names = ", ".join('"{}"'.format(column["Name"].replace('"', '""')) for column in columns)
        empty = athena._empty_relation(table)
        return f"(SELECT {names} FROM (FROM {found} UNION ALL BY NAME FROM {empty}))"  # noqa: S608

    return relation


def _at_hand(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Files of a table: of one of Iceberg the one that holds its rows."""

    def materialize(location: str, workdirs: list[str]) -> list[str]:
        reading = icebergs.current()
        if location in reading.tables:
            return [reading.tables[location]]
        files, place = original(location, workdirs), S3Uri.parse(location)
        for path in files:
            key = place.child(str(Path(path).relative_to(workdirs[-1]))).key
            reading.keys[path] = (place.bucket, key)
        return files

    return materialize


def _as_caller(original: Callable[..., Any]) -> Callable[..., Any]:
    async def run(query: str, database: str, catalog: str | None = None) -> Any:
        import duckdb

        statements.assert_reads(query)
        text, snapshots = statements.at_snapshots(query, database)
        reading = await asyncio.to_thread(icebergs.read, text, database, snapshots)
        try:
            with icebergs.at_hand(reading):
                return await original(text, database, catalog)
        except duckdb.Error as error:
            raise ValueError(f"{error}\n{_ENGINE}") from error

    return run


def _definitions(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(ddl: Any, database: str) -> Any:
        from ministack.services import athena, glue

        dropping = isinstance(ddl, athena._DropTable)
        name = (ddl.database or database or "default", ddl.table)
        permissions.assert_table("DeleteTable" if dropping else "CreateTable", *name)
        entry = glue._tables.get("/".join(name)) or {}
        if dropping and iceberg_tables.metadata_place(entry):
            raise statements.NotSupportedError(
                "DROP TABLE of a table of Iceberg, whose objects Athena deletes, too"
            )
        return original(ddl, database)

    return run


def _saved(original: Callable[..., Any]) -> Callable[..., Any]:
    async def save(query_id: str) -> None:
        from ministack.services import athena

        place = S3Uri.parse(athena._executions[query_id]["ResultConfiguration"]["OutputLocation"])
        permissions.assert_writable(place.bucket, place.key)
        await original(query_id)

    return save


def _refused(_original: Callable[..., Any]) -> Callable[..., Any]:
    def run(_query: str) -> Any:
        raise RuntimeError("The local platform runs queries with duckdb, which is not installed.")

    return run


def attach(_tables: Tables) -> None:
    """Hold queries to their work group, and never make up a result."""
    replace(_MODULE, "_start_query_execution", _in_a_group)
    replace(_MODULE, "_table_relation", _declared)
    replace(_MODULE, "_mock_query_results", _refused)
    replace(_MODULE, "_materialize_table_files", _at_hand)
    replace(_MODULE, "_run_duckdb", _as_caller)
    replace(_MODULE, "_run_ddl", _definitions)
    replace(_MODULE, "_save_query_results", _saved)
