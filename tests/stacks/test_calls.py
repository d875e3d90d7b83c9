"""Payloads are declared once: flows send what is declared, and handlers read that."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from config.load import REPOSITORY
from stacks.kit import asl
from stacks.kit.calls import CALLS, payload
from tests.support.flows import ARN, DEFINITIONS

# Members of what EventBridge sends, and the short form in which people name an execution.
BESIDE = {"operation", "detail", "detail-type", "execution_id", "fencing"}


def _calls() -> list[tuple[str, dict[str, Any]]]:
    """Function and payload of each call in any of the flows."""
    return [
        (state["Parameters"]["FunctionName"].removeprefix(ARN), state["Parameters"]["Payload"])
        for definition in DEFINITIONS.values()
        for state in definition["States"].values()
        if state.get("Resource") == asl.LAMBDA_INVOKE
    ]


def _read(function: str) -> set[str]:
    """Members of ``event`` that the handler's module and the shared input checks name."""
    found: set[str] = set()
    for path in (f"lambdas/{function}/handler.py", "lambdas/shared/errors.py"):
        tree = ast.parse((REPOSITORY / path).read_text())
        text = "\n".join(ast.unparse(node) for node in tree.body)
        found |= set(re.findall(r"event(?:\.get\(|\[)'([\w-]+)'", text))
        found |= set(re.findall(r"required\(event, '([\w-]+)'\)", text))
        found |= set(re.findall(r"'([\w-]+)' in event", text))
    return found


def test_a_flow_sends_what_is_declared() -> None:
    calls = _calls()
    assert {function for function, _ in calls} == set(CALLS)
    for function, call in calls:
        given = {name: value for name, value in call.items() if name != "operation"}
        assert payload(function, call["operation"], given) == call


@pytest.mark.parametrize("function", CALLS)
def test_a_handler_reads_what_is_declared(function: str) -> None:
    declared = set().union(*CALLS[function].values())
    assert declared <= _read(function)
    assert _read(function) - BESIDE - {"execution"} == declared - {"execution"}


def test_each_operation_is_one_that_some_flow_or_schedule_calls() -> None:
    called = {(function, call["operation"]) for function, call in _calls()}
    declared = {(function, one) for function, operations in CALLS.items() for one in operations}
    assert declared - called == {("rollout", "reconcile")}


@pytest.mark.parametrize(
    ("operation", "given", "told"),
    [
        ("decide", {"run.$": "$.run"}, r"gate decide is given \['run'\]; expected: run_id"),
        ("decide", {"run_id": "r", "more": 1}, "expected: run_id"),
        ("judge", {}, r"gate judge is given \[\]; expected: no such operation"),
    ],
)
def test_other_members_are_refused(operation: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        payload("gate", operation, given)
