"""RedriveExecution, which MiniStack lacks: an ended execution goes on at the state that it was in.

Under the same ARN, with the results so far, the time-out from zero again, and attempts of the state
counted from zero; ``$$.Execution.RedriveCount`` tells the times apart. A Fail state is entered
again and fails again. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.stepfunctions"
_REDRIVABLE = ("FAILED", "TIMED_OUT", "ABORTED")
# The history has to have room for ExecutionRedriven and one more.
_MOST_EVENTS = 24_999
pin(
    _MODULE,
    handle_request="callable",
    _run_execution="callable",
    _execute_pass="callable",  # noqa: S106 (a name, not a password)
    _execute_task="callable",
    _execute_choice="callable",
    _execute_wait="callable",
    _apply_input_path="callable",
    _apply_output_path="callable",
    _fail_state_error="callable",
    _fail_execution="callable",
    _add_event="callable",
    _emit_execution_status_event="callable",
    _ExecutionError=type,
    _executions="scoped",
    _state_machines="scoped",
)
# Where the execution on this thread goes on: name of the state, and its input.
_point: contextvars.ContextVar[tuple[str, Any] | None] = contextvars.ContextVar(
    "redrive_point", default=None
)


def _redrive(request: Mapping[str, Any]) -> Any:
    arn = str(request.get("executionArn", ""))
    former = stepfunctions._executions.get(arn)
    if former is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution {arn} not found", 400)
    if former["status"] not in _REDRIVABLE:
        reason = f"Execution is {former['status']} and cannot be redriven"
        return error_response_json("ExecutionNotRedrivable", reason, 400)
    if len(former["events"]) >= _MOST_EVENTS:
        reason = "Execution event history limit exceeded"
        return error_response_json("ExecutionNotRedrivable", reason, 400)
    # A record of its own: threads of the former attempt hold the old one, which stays ended.
    execution = {
        **former,
        "status": "RUNNING",
        "stopDate": None,
        "output": None,
        "events": list(former["events"]),
        "redriveCount": former.get("redriveCount", 0) + 1,
    }
    execution.pop("error", None)
    execution.pop("cause", None)
    stepfunctions._executions[arn] = execution
    details = {"redriveCount": execution["redriveCount"]}
    stepfunctions._add_event(
        execution, "ExecutionRedriven", {"executionRedrivenEventDetails": details}
    )
    stepfunctions._emit_execution_status_event(execution)
    _point.set(_last_entered(execution))
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(stepfunctions._run_execution, arn), daemon=True
    ).start()
    return json_response({"redriveDate": now_iso()})


def _last_entered(execution: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The state that the execution was in when it ended; None when it had entered none."""
    for event in reversed(execution["events"]):
        details = event.get("stateEnteredEventDetails")
        if details:
            return details["name"], json.loads(details["input"])
    return None


def going_on(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the run of an execution: a redriven one begins where it ended."""

    def run_execution(arn: str) -> Any:
        point = _point.get()
        if point is None:
            return original(arn)
        return _run(stepfunctions._executions[arn], *point)

    return run_execution


def _run(execution: dict[str, Any], name: str | None, data: Any) -> None:
    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    definition = json.loads(machine["definition"])
    context = _context(execution, machine, definition)
    try:
        while name and execution["status"] == "RUNNING":
            context["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
            name, data = _state(definition["States"][name], execution, data, context)
    except stepfunctions._ExecutionError as error:
        stepfunctions._fail_execution(execution, error.error, error.cause)
        return
    if execution["status"] == "RUNNING":
        output = json.dumps(data)
        execution.update(status="SUCCEEDED", output=output, stopDate=now_iso())
        details = {"executionSucceededEventDetails": {"output": output}}
        stepfunctions._add_event(execution, "ExecutionSucceeded", details)
        stepfunctions._emit_execution_status_event(execution)


def _context(
    execution: Mapping[str, Any], machine: Mapping[str, Any], definition: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "StartTime": execution["startDate"],
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": {},
    }


def _state(
    state: Mapping[str, Any], execution: dict[str, Any], data: Any, context: dict[str, Any]
) -> tuple[str | None, Any]:
    """Run one state; the next one, if any, and its input."""
    kind, name = state["Type"], context["State"]["Name"]
    entered = {"stateEnteredEventDetails": {"name": name, "input": json.dumps(data)}}
    stepfunctions._add_event(execution, f"{kind}StateEntered", entered)
    match kind:
        case "Fail":
            raise stepfunctions._ExecutionError(
                *stepfunctions._fail_state_error(state, data, context)
            )
        case "Succeed":
            data = stepfunctions._apply_input_path(state, data, context)
            data, following = stepfunctions._apply_output_path(state, data, context), None
        case "Task":
            data, following = stepfunctions._execute_task(state, data, execution, context)
        case "Pass" | "Choice" | "Wait":
            run = getattr(stepfunctions, f"_execute_{kind.lower()}")
            data, following = run(state, data, context)
        case _:
            raise stepfunctions._ExecutionError("States.Runtime", f"no redrive into {kind}")
    left = {"stateExitedEventDetails": {"name": name, "output": json.dumps(data)}}
    stepfunctions._add_event(execution, f"{kind}StateExited", left)
    return following, data


def _counting(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        context["Execution"]["RedriveCount"] = execution.get("redriveCount", 0)
        return original(state, raw_input, execution, context)

    return execute_task


def _serving(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Any:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return _redrive(json.loads(body))
        return await original(method, path, headers, body, query)

    return handle_request


def attach(_tables: Tables) -> None:
    """Serve the operation and tell the states how often their execution was redriven."""
    replace(_MODULE, "handle_request", _serving)
    replace(_MODULE, "_execute_task", _counting)
