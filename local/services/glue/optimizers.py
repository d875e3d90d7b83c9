"""Table optimizers: kept and answered as Glue does, held to what Glue checks.

Glue runs them when it sees fit. Here they run when they are asked to, by RunTableOptimizer, an
operation that AWS does not have (``local.optimizers``).

https://docs.aws.amazon.com/glue/latest/dg/table-optimizers.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)

from local.emulator import refusals, service_roles
from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin, replace
from local.services.glue import catalog, optimizer_runs
from local.services.glue.refusals_optimizers import CONFIGURATIONS, OPTIMIZER

PRINCIPAL = "glue.amazonaws.com"
_MODULE = "ministack.services.glue"
pin(_MODULE, _handle_request_sync="callable")
Properties = dict[str, Any]
# "database/table/type" -> optimizer as GetTableOptimizer answers it
STORED: Any = AccountRegionScopedDict()


def key_of(given: Mapping[str, Any]) -> str:
    """Name of an optimizer: one of each type is of a table."""
    return f"{given.get('DatabaseName')}/{given.get('TableName')}/{given.get('Type')}"


def _assert_role(given: Properties) -> None:
    """Raise ``AccessDeniedError`` unless Glue may assume the role, and it the table's entry."""
    role = given["TableOptimizerConfiguration"]["RoleArn"]
    service_roles.assert_caller_may_pass(role, PRINCIPAL)
    request = {"DatabaseName": given["DatabaseName"], "TableName": given["TableName"]}
    for arn in catalog.arns("GetTable", request, get_region(), get_account_id()):
        service_roles.assert_allowed(role, "glue:GetTable", arn, service=PRINCIPAL)


def _store(given: Properties) -> None:
    _assert_role(given)
    optimizer = {
        "type": given["Type"],
        "configuration": _cased(given["TableOptimizerConfiguration"], str.lower),
        "configurationSource": "table",
    }
    STORED[key_of(given)] = {**(STORED.get(key_of(given)) or {"runs": []}), **optimizer}


def _cased(value: Any, letter: Callable[[str], str]) -> Any:
    """Members of CloudFormation as the API names them, or the other way round; text as values."""
    if isinstance(value, dict):
        return {letter(k[0]) + k[1:]: _cased(v, letter) for k, v in value.items()}
    text = str(value)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isdigit() else value


def _created(request: Properties) -> Any:
    given = _checked(request)
    refusals.check_beside(OPTIMIZER, key_of(given), given)
    _store(given)
    return json_response({})


def _checked(request: Properties) -> Properties:
    settings = _cased(request.get("TableOptimizerConfiguration") or {}, str.upper)
    given = {**request, "TableOptimizerConfiguration": settings}
    if reason := refusals.of_call(OPTIMIZER, given):
        raise ValueError(reason)
    return given


def _found(request: Properties) -> dict[str, Any]:
    found: dict[str, Any] | None = STORED.get(key_of(request))
    if found is None:
        raise KeyError(f"{key_of(request)} has no optimizer")
    return found


def _updated(request: Properties) -> Any:
    _found(request)
    _store(_checked(request))
    return json_response({})


def _deleted(request: Properties) -> Any:
    _found(request)
    del STORED[key_of(request)]
    return json_response({})


def _shown(request: Properties) -> Any:
    found = {name: value for name, value in _found(request).items() if name != "runs"}
    runs = _found(request)["runs"]
    last = {"lastRun": runs[0]} if runs else {}
    return json_response(_named(request) | {"TableOptimizer": found | last})


def _listed(request: Properties) -> Any:
    most = int(request.get("MaxResults") or 100)
    return json_response(_named(request) | {"TableOptimizerRuns": _found(request)["runs"][:most]})


def _ran(request: Properties) -> Any:
    optimizer_runs.start(request["DatabaseName"], request["TableName"], _found(request),
                         request.get("Now"))  # fmt: skip
    return json_response({})


def _named(request: Properties) -> Properties:
    return {name: request[name] for name in ("CatalogId", "DatabaseName", "TableName")}


_OPERATIONS: dict[str, Callable[[Properties], Any]] = {
    "CreateTableOptimizer": _created,
    "UpdateTableOptimizer": _updated,
    "DeleteTableOptimizer": _deleted,
    "GetTableOptimizer": _shown,
    "ListTableOptimizerRuns": _listed,
    "RunTableOptimizer": _ran,
}


def _serving(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Any:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in _OPERATIONS:
            return original(method, path, headers, body, query)
        try:
            return _OPERATIONS[operation](json.loads(body))
        except service_roles.AccessDeniedError as error:
            return error_response_json("AccessDeniedException", str(error), 400)
        except KeyError as error:
            return error_response_json("EntityNotFoundException", str(error), 400)
        except ValueError as error:
            code = "AlreadyExists" if "[glue-optimizer-once]" in str(error) else "InvalidInput"
            return error_response_json(f"{code}Exception", str(error), 400)

    return handle


def _physical_id(given: Properties) -> str:
    """CloudFormation's, of the type's four identifiers."""
    return "|".join(given[name] for name in ("CatalogId", "DatabaseName", "TableName", "Type"))


def _create(_logical: str, given: Properties, _stack: str) -> tuple[str, Properties]:
    try:
        _store(given)
    except service_roles.AccessDeniedError as error:
        raise ValueError(f"{OPTIMIZER}: {error}") from error
    return _physical_id(given), {}


def _update(
    physical_id: str, _old: Properties, new: Properties, stack: str, _logical: str | None
) -> tuple[str, Properties]:
    return _create(physical_id, new, stack)


def _delete(_physical: str, given: Properties) -> None:
    STORED.pop(key_of(given), None)


def types() -> list[ResourceType]:
    """The type of this module."""
    return [
        ResourceType(
            OPTIMIZER,
            _create,
            _delete,
            update=_update,
            create_only=frozenset({"CatalogId", "DatabaseName", "TableName", "Type"}),
        )
    ]


def attach(_tables: Tables) -> None:
    """Answer the operations on optimizers, which MiniStack lacks."""
    assert set(CONFIGURATIONS) == set(optimizer_runs.LOG_GROUPS)
    replace(_MODULE, "_handle_request_sync", _serving)
