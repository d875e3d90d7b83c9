"""Follows executions of a state machine through its history, as its console would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape

POLL_SECONDS = 0.25
# Few are new from one look to the next.
_EVENTS_AT_ONCE = 10
RUNNING = "RUNNING"
LIMIT_SECONDS = 900.0
SHOWN = 160
KEPT = 600
"""Characters of an error that are shown while following; the report keeps more."""


class ExecutionFailedError(RuntimeError):
    """An execution did not succeed; the message names state machine, state, error and cause."""


@dataclass(slots=True)
class Followed:
    """What was seen of one execution."""

    arn: str
    status: str = RUNNING
    states: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """State and error of every failed attempt, retried or not."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Output of each state that was left, by name (the last one wins)."""
    output: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The execution's name, which is the run's id."""
        return self.arn.rpartition(":")[2]


class Executions:
    """Starts and follows the executions of one state machine."""

    def __init__(self, stepfunctions: Any, machine: str, say: Callable[[str], None]) -> None:
        self._client, self._machine, self._say = stepfunctions, machine, say

    def start(self, name: str, given: dict[str, Any]) -> str:
        """Start an execution; its ARN."""
        answer = self._client.start_execution(
            stateMachineArn=self._machine, name=name, input=json.dumps(given)
        )
        return str(answer["executionArn"])

    def known(self) -> set[str]:
        """ARNs of every execution so far."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine
        )
        return {item["executionArn"] for page in pages for item in page["executions"]}

    def wait_for_new(self, known: set[str], seconds: float) -> str | None:
        """ARN of an execution that somebody else started, or None when the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            new = self.known() - known
            if new:
                return sorted(new)[0]
            time.sleep(POLL_SECONDS)
        return None

    def follow(self, arn: str, *, on_enter: Callable[[str], None] | None = None) -> Followed:
        """Print states as they end, until the execution ends; never raises for its failure."""
        followed, seen, entered = Followed(arn), 0, dict[str, float]()
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            status = self._client.describe_execution(executionArn=arn)
            for event in self._events(arn, seen):
                seen = max(seen, int(event["id"]))
                self._note(event, followed, entered, on_enter)
            if status["status"] != RUNNING:
                followed.status = status["status"]
                followed.output = _decoded(status.get("output"))
                if status.get("error"):
                    followed.failures.append(("execution", _told(status)))
                return followed
            if time.monotonic() > deadline:
                raise ExecutionFailedError(f"{arn} still runs after {LIMIT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _events(self, arn: str, after: int) -> list[dict[str, Any]]:
        """Those after one, in order; asked for from the end, because the rest is known."""
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=arn, reverseOrder=True, PaginationConfig={"PageSize": _EVENTS_AT_ONCE}
        )
        found: list[dict[str, Any]] = []
        for page in pages:
            fresh = [event for event in page["events"] if int(event["id"]) > after]
            found += fresh
            if len(fresh) < len(page["events"]):
                break
        return found[::-1]

    def _note(
        self,
        event: dict[str, Any],
        followed: Followed,
        entered: dict[str, float],
        on_enter: Callable[[str], None] | None,
    ) -> None:
        kind, at = str(event["type"]), event["timestamp"].timestamp()
        if kind.endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            entered.pop(name, None)
            entered[name] = at
            if on_enter is not None:
                on_enter(name)
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            spent = at - entered.get(name, at)
            followed.states.append(name)
            followed.seconds[name] = followed.seconds.get(name, 0.0) + spent
            followed.outputs[name] = _decoded(event["stateExitedEventDetails"].get("output"))
            if kind.startswith("Task"):
                self._say(f"[green]✓[/green] {name} [dim]{spent:.1f} s[/dim]")
        elif kind.endswith(("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed")):
            state = next(reversed(entered), "?")
            details: dict[str, Any] = next(
                (value for key, value in event.items() if key.endswith("EventDetails")), {}
            )
            followed.failures.append((state, _told(details)))
            self._say(f"[red]✗[/red] {state}: {escape(_told(details)[:SHOWN])}")


def assert_succeeded(followed: Followed) -> None:
    """Raise ``ExecutionFailedError`` unless the execution succeeded."""
    if followed.status != "SUCCEEDED":
        last = followed.failures[-1] if followed.failures else ("?", "no failure in its history")
        raise ExecutionFailedError(f"{followed.arn} {followed.status} in {last[0]}: {last[1]}")


def _decoded(text: str | None) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {"value": content}


def _told(details: dict[str, Any]) -> str:
    """Error and reason; the cause of a ``.sync`` task is its job's whole description."""
    cause = str(details.get("cause", ""))
    described = _decoded(cause) if cause.startswith("{") else {}
    reason = described.get("FailureReason") or described.get("ErrorMessage") or cause
    return f"{details.get('error', '')}: {reason}"[:KEPT].strip(": ")
