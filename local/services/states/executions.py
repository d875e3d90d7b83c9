"""Step Functions for the local platform: integrations that enforce, wait, stop and time out.

MiniStack runs the states. Added here: every service integration acts as the machine's role
(``integrations``); ``.sync`` waits for the real job, fails with its reason, and stops it when the
execution ends early; task tokens honour heartbeats; a state machine's own ``TimeoutSeconds`` ends
it TIMED_OUT; and an ended execution keeps the status it ended with.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

from local.emulator import service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.states import integrations, redrive
from local.services.states.integrations import OPTIMISED, PREFIX

_MODULE = "ministack.services.stepfunctions"
_POLL_SECONDS = 0.1
pin(
    _MODULE,
    _run_execution="callable",
    _fail_execution="callable",
    _find_matching_retrier="callable",
    _find_matching_catcher="callable",
    _invoke_resource="callable",
    _invoke_resource_with_timeout="callable",
    _invoke_with_callback="callable",
    _emit_execution_status_event="callable",
    _add_event="callable",
    _sdk_json_param_value="callable",
    _sdk_json_value="callable",
    _AWS_SDK_ERROR_PREFIX=dict,
    _task_tokens="scoped",
)

_execution: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "sfn_execution", default=None
)
_cancelled: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "sfn_cancelled", default=None
)


@dataclass(frozen=True, slots=True)
class SyncJob:
    """How a ``.sync`` integration follows the job it started."""

    identify: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
    describe: str
    unwrap: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    status: str
    good: str
    bad: frozenset[str]
    stop: str
    stop_request: Callable[[Mapping[str, Any]], dict[str, Any]]


def _sagemaker_job(word: str) -> SyncJob:
    name = f"{word}JobName"
    return SyncJob(
        identify=lambda request, _: {name: request[name]},
        describe=f"sagemaker:describe{word}Job",
        unwrap=lambda answer: answer,
        status=f"{word}JobStatus",
        good="Completed",
        bad=frozenset({"Failed", "Stopped"}),
        stop=f"sagemaker:stop{word}Job",
        stop_request=dict,
    )


SYNC: dict[str, SyncJob] = {
    "sagemaker:createTrainingJob": _sagemaker_job("Training"),
    "sagemaker:createProcessingJob": _sagemaker_job("Processing"),
    "sagemaker:createTransformJob": _sagemaker_job("Transform"),
    "glue:startJobRun": SyncJob(
        identify=lambda request, answer: {
            "JobName": request["JobName"],
            "RunId": answer["JobRunId"],
        },
        describe="glue:getJobRun",
        unwrap=lambda answer: answer["JobRun"],
        status="JobRunState",
        good="SUCCEEDED",
        bad=frozenset({"FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}),
        stop="glue:batchStopJobRun",
        stop_request=lambda job: {"JobName": job["JobName"], "JobRunIds": [job["RunId"]]},
    ),
}


def integrate(resource: str, parameters: Any) -> Any:
    """Run one integration; with ``.sync`` also wait for its job."""
    answer = integrations.run(resource, parameters)
    if ".sync" not in resource:
        return answer
    action = resource.removeprefix(PREFIX).partition(".sync")[0]
    if action not in SYNC:
        raise service_roles.task_error("States.Runtime", f"{resource} is not in the local platform")
    return _follow(SYNC[action], SYNC[action].identify(parameters, answer))


def _follow(job: SyncJob, identity: dict[str, Any]) -> Mapping[str, Any]:
    pause = _POLL_SECONDS
    while True:
        found = job.unwrap(integrations.run(PREFIX + job.describe, identity))
        status = found[job.status]
        if status == job.good:
            return found
        if status in job.bad:
            raise service_roles.task_error("States.TaskFailed", json.dumps(found, default=str))
        if _ended():
            integrations.run(PREFIX + job.stop, job.stop_request(identity))
            raise service_roles.task_error("States.TaskFailed", "The execution ended.")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _ended() -> bool:
    """Whether the execution, or this attempt of its state, no longer wants the result."""
    execution, cancelled = _execution.get(), _cancelled.get()
    if cancelled is not None and cancelled.is_set():
        return True
    return execution is not None and execution["status"] != "RUNNING"


def _knowing_execution(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        token = _execution.set(execution)
        try:
            return original(state, raw_input, execution, context)
        finally:
            _execution.reset(token)

    return execute_task


def _no_retry_after_end(original: Callable[..., Any]) -> Callable[..., Any]:
    def find_matching_retrier(retriers: Any, error: str, counts: Any) -> Any:
        return (None, -1) if _ended() else original(retriers, error, counts)

    return find_matching_retrier


def _with_timeout(_: Callable[..., Any]) -> Callable[..., Any]:
    """A timed-out ``.sync`` task stops its job instead of leaving it behind."""

    def invoke(resource: str, parameters: Any, timeout: float) -> Any:
        cancelled = threading.Event()
        token = _cancelled.set(cancelled)
        context = contextvars.copy_context()
        _cancelled.reset(token)
        pool = ThreadPoolExecutor(max_workers=1)
        future = pool.submit(context.run, stepfunctions._invoke_resource, resource, parameters)
        pool.shutdown(wait=False)
        try:
            return future.result(timeout=timeout)
        except FutureTimeoutError:
            cancelled.set()
            raise service_roles.task_error(
                "States.Timeout", f"Task timed out after {timeout} seconds"
            ) from None

    return invoke


def _with_callback(_: Callable[..., Any]) -> Callable[..., Any]:
    """``.waitForTaskToken``: a refused call fails the state, heartbeats and stops are honoured."""

    def invoke(resource: str, parameters: Any, token: str, state: Mapping[str, Any]) -> Any:
        answered = threading.Event()
        entry: dict[str, Any] = {
            "event": answered, "result": None, "error": None, "heartbeat": None
        }  # fmt: skip
        stepfunctions._task_tokens[token] = entry
        try:
            stepfunctions._invoke_resource(resource.replace(".waitForTaskToken", ""), parameters)
            _await_answer(answered, entry, state)
        finally:
            stepfunctions._task_tokens.pop(token, None)
        if entry["error"]:
            raise service_roles.task_error(entry["error"]["Error"], entry["error"]["Cause"])
        return _decoded(entry["result"])

    return invoke


def _await_answer(
    answered: threading.Event, entry: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    started = beat = time.monotonic()
    seen = entry["heartbeat"]
    while not answered.wait(_POLL_SECONDS):
        now = time.monotonic()
        if entry["heartbeat"] != seen:
            seen, beat = entry["heartbeat"], now
        if now - started > state.get("TimeoutSeconds", 99_999_999):
            raise service_roles.task_error("States.Timeout", "The task got no answer in time.")
        if now - beat > state.get("HeartbeatSeconds", 99_999_999):
            raise service_roles.task_error("States.HeartbeatTimeout", "The task sent no heartbeat.")
        if _ended():
            raise service_roles.task_error("States.TaskFailed", "The execution ended.")


def _decoded(result: Any) -> Any:
    try:
        return json.loads(result) if isinstance(result, str) else result
    except ValueError:
        return result


def _with_deadline(original: Callable[..., Any]) -> Callable[..., Any]:
    def run_execution(arn: str) -> Any:
        execution = stepfunctions._executions.get(arn)
        seconds = _machine_timeout(execution) if execution else None
        if execution is None or seconds is None:
            return original(arn)
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, context.run, (_time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            return original(arn)
        finally:
            timer.cancel()

    return run_execution


def _machine_timeout(execution: Mapping[str, Any]) -> float | None:
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    try:
        return float(json.loads(machine["definition"])["TimeoutSeconds"]) if machine else None
    except (ValueError, KeyError):
        return None


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=now_iso())
    details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
    stepfunctions._add_event(execution, "ExecutionTimedOut", details)
    stepfunctions._emit_execution_status_event(execution)


def _keeping_end(original: Callable[..., Any]) -> Callable[..., Any]:
    def fail_execution(execution: Any, error: str, cause: str) -> None:
        # A stopped or timed-out execution does not become FAILED because its task noticed.
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    return fail_execution


def attach(tables: Tables) -> None:
    """Serve all integrations as the machine's role, and correct how executions end."""
    for service in (*OPTIMISED, "aws-sdk"):
        tables.add_task_integration(f"{PREFIX}{service}:", integrate)
    _drop_own_integrations(tables)
    replace(_MODULE, "_execute_task", _knowing_execution)
    # Inside the deadline, which counts from zero at a redrive, too.
    replace(_MODULE, "_run_execution", redrive.going_on)
    replace(_MODULE, "_run_execution", _with_deadline)
    replace(_MODULE, "_fail_execution", _keeping_end)
    replace(_MODULE, "_find_matching_retrier", _no_retry_after_end)
    replace(_MODULE, "_invoke_resource_with_timeout", _with_timeout)
    replace(_MODULE, "_invoke_with_callback", _with_callback)


def _drop_own_integrations(tables: Tables) -> None:
    """MiniStack's entries have longer prefixes and would win, past IAM."""
    ours = tuple(f"{PREFIX}{service}:" for service in OPTIMISED)
    for prefix in list(tables.task_integrations):
        if prefix.startswith(ours) and prefix not in ours:
            del tables.task_integrations[prefix]
