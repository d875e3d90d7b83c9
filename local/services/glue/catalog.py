"""The Glue catalog as several writers at once need it, decided table by table.

UpdateTable is one step: of two writers that name the same version one is refused, which is how
Iceberg commits. What its TableInput leaves out is gone, table type and metadata location too.
A policy has to allow a call on the table, its database and the catalog.

https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
https://iceberg.apache.org/docs/latest/aws/#optimistic-locking
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.glue"
pin(
    _MODULE,
    _create_table="callable",
    _update_table="callable",
    _delete_table="callable",
)
# Members of a table that MiniStack keeps when an update does not name them.
_EMPTY: dict[str, Any] = {
    "Description": "",
    "Owner": "",
    "StorageDescriptor": {},
    "PartitionKeys": [],
    "TableType": None,
    "Parameters": {},
    "ViewOriginalText": None,
    "ViewExpandedText": None,
}
_change = threading.RLock()


def _alone(original: Callable[..., Any]) -> Callable[..., Any]:
    def act(data: dict[str, Any]) -> Any:
        with _change:
            return original(data)

    return act


def _whole(original: Callable[..., Any]) -> Callable[..., Any]:
    def update_table(data: dict[str, Any]) -> Any:
        if "UpdateOpenTableFormatInput" in data:
            return error_response_json(
                "InvalidInputException",
                "UpdateOpenTableFormatInput is not served by the local platform; use TableInput",
                400,
            )
        return original({**data, "TableInput": {**_EMPTY, **(data.get("TableInput") or {})}})

    return update_table


def arns(operation: str, request: dict[str, Any], region: str, account: str) -> list[str]:
    """What a call on databases or tables is decided on; nothing for other calls."""
    base = f"arn:aws:glue:{region}:{account}"
    if operation.endswith("Database"):
        name = request.get("Name") or (request.get("DatabaseInput") or {}).get("Name")
        return [f"{base}:database/{name}", f"{base}:catalog"]
    database = request.get("DatabaseName")
    if database is None or ("Table" not in operation and "Partition" not in operation):
        return []
    tables = [request[name] for name in ("TableName", "Name") if name in request]
    tables += [(request.get("TableInput") or {}).get("Name")]
    names = request.get("TablesToDelete") or [next((one for one in tables if one), "*")]
    above = [f"{base}:database/{database}", f"{base}:catalog"]
    return [*(f"{base}:table/{database}/{name}" for name in names), *above]


def of_request(headers: dict[str, str], body: bytes, region: str, account: str) -> list[str]:
    """The ARNs of a request to Glue, as :func:`arns`."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return arns(operation, request, region, account) if isinstance(request, dict) else []


def attach(_tables: Tables) -> None:
    """Let changes of tables happen one at a time."""
    replace(_MODULE, "_update_table", _whole)
    for name in ("_create_table", "_update_table", "_delete_table"):
        replace(_MODULE, name, _alone)
