"""Step Functions: what CreateStateMachine finds in a definition before anything runs.

Words and order follow what ValidateStateMachineDefinition answers: a state machine whose text is
JSON and whose states look right may still lead nowhere, call what does not exist or misspell a
path, and AWS says so when the stack is deployed.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from local.emulator.refusals import Properties, refuses

MACHINE = "AWS::StepFunctions::StateMachine"
_NAME = 80
_ENDS = ("Succeed", "Fail")
_LONGEST_SECONDS = 99_999_999
_LONGEST_RETRY_SECONDS = 31_622_400
_INTRINSICS = frozenset(
    {"Format", "StringToJson", "JsonToString", "Array", "ArrayPartition", "ArrayContains"}
    | {"ArrayRange", "ArrayGetItem", "ArrayLength", "ArrayUnique", "Base64Encode", "Base64Decode"}
    | {"Hash", "JsonMerge", "MathRandom", "MathAdd", "StringSplit", "UUID"}
)
_CALL = re.compile(r"States\.(\w+)\s*\(")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'")


def _definition(properties: Properties) -> dict[str, Any]:
    text = properties.get("DefinitionString")
    if not text:
        return dict(properties.get("Definition") or {})
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _machines(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The definition and those inside its Parallel and Map states."""
    yield definition
    for state in definition.get("States", {}).values():
        inner = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for machine in inner:
            if machine:
                yield from _machines(machine)


def states(properties: Properties) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and definition of every state, those of Parallel and Map states included."""
    for machine in _machines(_definition(properties)):
        yield from machine.get("States", {}).items()


def _targets(state: dict[str, Any]) -> list[str]:
    found = [state.get("Next"), state.get("Default")]
    for member in ("Choices", "Catch"):
        found += [entry.get("Next") for entry in state.get(member, [])]
    return [name for name in found if name]


@refuses("definition-is-json", MACHINE)
def _not_json(properties: Properties) -> str | None:
    text = properties.get("DefinitionString")
    try:
        json.loads(text or "{}")
    except ValueError as error:
        return f"Invalid State Machine Definition: INVALID_JSON_DESCRIPTION: {error}"
    return None


@refuses("transition-to-no-state", MACHINE)
def _missing_target(properties: Properties) -> str | None:
    for machine in _machines(_definition(properties)):
        states = machine.get("States", {})
        named: dict[str, list[str]] = {name: _targets(state) for name, state in states.items()}
        for place, targets in {"StartAt": [machine.get("StartAt", "")], **named}.items():
            for target in targets:
                if target and target not in states:
                    return f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {place}"
    return None


@refuses("unreachable-state", MACHINE)
def _unreachable(properties: Properties) -> str | None:
    for machine in _machines(_definition(properties)):
        states = machine.get("States", {})
        reached: set[str] = set()
        waiting = [machine.get("StartAt", "")]
        while waiting:
            name = waiting.pop()
            if name in states and name not in reached:
                reached.add(name)
                waiting += _targets(states[name])
        lost = [name for name in states if name not in reached]
        if reached and lost:
            return f'MISSING_TRANSITION_TARGET: State "{lost[0]}" is not reachable.'
    return None


@refuses("no-terminal-state", MACHINE)
def _no_end(properties: Properties) -> str | None:
    for machine in _machines(_definition(properties)):
        states = machine.get("States", {}).values()
        if states and not any(s.get("End") or s.get("Type") in _ENDS for s in states):
            return "MISSING_END_STATE: Workflow has no terminal state"
    return None


@refuses("state-name-length", MACHINE)
def _long_name(properties: Properties) -> str | None:
    for name, _ in states(properties):
        if len(name) > _NAME:
            return f"State name {name!r} has {len(name)} characters; allowed: {_NAME}"
    return None


def _paths(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Members whose name ends with ``.$``, at any depth, with their values."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(".$"):
                yield f"{where}/{key}", str(item)
            else:
                yield from _paths(item, f"{where}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, f"{where}[{index}]")


def _dynamic(properties: Properties) -> Iterator[tuple[str, str]]:
    for name, state in states(properties):
        for member in ("Parameters", "ResultSelector", "ItemSelector", "Credentials"):
            yield from _paths(state.get(member), f"/States/{name}/{member}")


@refuses("dynamic-value-is-a-path", MACHINE)
def _not_a_path(properties: Properties) -> str | None:
    for where, value in _dynamic(properties):
        if not value.startswith(("$", "States.")):
            return (
                f"SCHEMA_VALIDATION_FAILED: The value {value!r} must be a valid JSONPath or a "
                f"valid intrinsic function call at {where}"
            )
    return None


@refuses("unknown-intrinsic", MACHINE)
def _unknown_intrinsic(properties: Properties) -> str | None:
    for where, value in _dynamic(properties):
        if not value.startswith("States."):
            continue
        bare = _QUOTED.sub("''", value)
        unknown = [name for name in _CALL.findall(bare) if name not in _INTRINSICS]
        if unknown or bare.count("(") != bare.count(")"):
            return (
                f"SCHEMA_VALIDATION_FAILED: {value!r} must be a valid JSONPath or a valid "
                f"intrinsic function call at {where}"
            )
    return None


@refuses("catch-all-stands-last", MACHINE)
def _catch_all(properties: Properties) -> str | None:
    for name, state in states(properties):
        for member in ("Retry", "Catch"):
            rules = [rule.get("ErrorEquals", []) for rule in state.get(member, [])]
            for index, errors in enumerate(rules):
                alone = len(errors) == 1 and index == len(rules) - 1
                if "States.ALL" in errors and not alone:
                    return f"{name}: States.ALL in {member}: allowed: alone and in the last entry"
    return None


@refuses("retry-in-bounds", MACHINE)
def _retry(properties: Properties) -> str | None:
    for name, state in states(properties):
        for rule in state.get("Retry", []):
            first, longest = rule.get("IntervalSeconds", 1), rule.get("MaxDelaySeconds")
            if rule.get("BackoffRate", 2) < 1:
                return f"{name}: BackoffRate {rule['BackoffRate']}: allowed: 1.0 or more"
            if longest is not None and not first < longest < _LONGEST_RETRY_SECONDS:
                return (
                    f"{name}: MaxDelaySeconds {longest}: allowed: more than IntervalSeconds, "
                    f"{first}, and less than {_LONGEST_RETRY_SECONDS}"
                )
    return None


@refuses("timeout-in-bounds", MACHINE)
def _timeout(properties: Properties) -> str | None:
    everywhere = [("the state machine", _definition(properties)), *states(properties)]
    for name, place in everywhere:
        limit = place.get("TimeoutSeconds")
        if isinstance(limit, int) and not 0 < limit <= _LONGEST_SECONDS:
            return f"{name}: TimeoutSeconds {limit}: allowed: 1 to {_LONGEST_SECONDS}"
        beat = place.get("HeartbeatSeconds")
        if isinstance(limit, int) and isinstance(beat, int) and beat >= limit:
            return f"{name}: HeartbeatSeconds {beat}: allowed: less than TimeoutSeconds, {limit}"
    return None
