"""Limits of Step Functions while executions run: names, payloads, and what no Catch sees.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import service_roles
from local.emulator.extensions import Response, Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.stepfunctions"
pin(_MODULE, _start_execution="callable", _execute_task="callable", _error_matches="callable")

PAYLOAD_BYTES = 256 * 1024
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
# Errors that end an execution whatever its states catch.
TERMINAL = frozenset({"States.DataLimitExceeded", "States.Runtime"})


def refusal(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and message with which StartExecution refuses the request."""
    name = request.get("name")
    if name and not _NAME.fullmatch(name):
        return "InvalidName", f"Invalid Name: '{name}'"
    if len(str(request.get("input", "")).encode()) > PAYLOAD_BYTES:
        return (
            "ValidationException",
            "Value at 'input' failed to satisfy constraint: Member must have length less than or "
            f"equal to {PAYLOAD_BYTES}",
        )
    return None


def _refused(original: Callable[..., Response]) -> Callable[..., Response]:
    def start_execution(request: dict[str, Any]) -> Response:
        found = refusal(request)
        if found is None:
            return original(request)
        code, message = found
        body = json.dumps({"__type": code, "message": message}).encode()
        return 400, {"Content-Type": "application/x-amz-json-1.0"}, body

    return start_execution


def _bounded(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        result = original(state, raw_input, execution, context)
        if len(json.dumps(result, default=str).encode()) > PAYLOAD_BYTES:
            name = context.get("State", {}).get("Name", "")
            raise service_roles.task_error(
                "States.DataLimitExceeded",
                f"The state/task '{name}' returned a result with a size exceeding the maximum "
                "number of bytes service limit.",
            )
        return result

    return execute_task


def _not_terminal(original: Callable[..., bool]) -> Callable[..., bool]:
    def error_matches(names: list[str], error: str) -> bool:
        if error in TERMINAL and error not in names:
            return False
        return bool(original(names, error))

    return error_matches


def attach(_tables: Tables) -> None:
    """Bound executions where Step Functions does."""
    replace(_MODULE, "_start_execution", _refused)
    replace(_MODULE, "_execute_task", _bounded)
    replace(_MODULE, "_error_matches", _not_terminal)
