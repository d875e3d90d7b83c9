"""Athena queries really run, in a work group that exists, to the place that the group enforces.

MiniStack runs queries with DuckDB over the objects of the tables' locations. Without DuckDB it
answers with made-up rows, which is refused here. It also lets a client write results anywhere and
name any work group; on AWS a group's own configuration wins unless the group says otherwise.

Partitions are those that the table projects or that are registered (``projection``).
Not done here: the caller's own permission on the data, the cut-off by bytes scanned.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.emulator.provisioning import truth
from local.services.athena import projection

_MODULE = "ministack.services.athena"
DEFAULT_GROUP = "primary"
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

        seen = projection.visible(table, files)
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


def _refused(_original: Callable[..., Any]) -> Callable[..., Any]:
    def run(_query: str) -> Any:
        raise RuntimeError("The local platform runs queries with duckdb, which is not installed.")

    return run


def attach(_tables: Tables) -> None:
    """Hold queries to their work group, and never make up a result."""
    replace(_MODULE, "_start_query_execution", _in_a_group)
    replace(_MODULE, "_table_relation", _declared)
    replace(_MODULE, "_mock_query_results", _refused)
