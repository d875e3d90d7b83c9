"""EventBridge rules: patterns and targets."""

from __future__ import annotations

import json
from typing import Any

from local.emulator.refusals import Properties, refuses

RULE = "AWS::Events::Rule"
_PATTERN_CHARACTERS = 2048
_NEED_ROLES = ("states", "kinesis", "firehose", "ecs", "batch")


def _pattern(properties: Properties) -> Any:
    pattern = properties.get("EventPattern")
    return json.loads(pattern) if isinstance(pattern, str) else pattern


def service_of(arn: Any) -> str:
    """The service that an ARN names; empty if it is none."""
    return str(arn).split(":")[2] if str(arn).count(":") >= 2 else ""


@refuses("event-pattern-size", RULE)
def _pattern_size(properties: Properties) -> str | None:
    pattern = _pattern(properties)
    size = len(json.dumps(pattern, separators=(",", ":"))) if pattern else 0
    if size > _PATTERN_CHARACTERS:
        return f"EventPattern has {size} characters; allowed: {_PATTERN_CHARACTERS}"
    return None


@refuses("event-pattern-lists", RULE)
def _pattern_lists(properties: Properties) -> str | None:
    pattern = _pattern(properties)
    wrong = _plain_value(pattern) if isinstance(pattern, dict) else ""
    if wrong:
        return f'Event pattern is not valid. Reason: "{wrong}" must be an object or an array'
    return None


def _plain_value(pattern: dict[str, Any]) -> str:
    """Name of the first member that is neither an object nor a list; empty lists match nothing."""
    for name, value in pattern.items():
        if isinstance(value, dict):
            found = _plain_value(value)
            if found:
                return found
        elif not isinstance(value, list) or not value:
            return name
    return ""


@refuses("one-input-a-target", RULE)
def _inputs(properties: Properties) -> str | None:
    for target in properties.get("Targets", []):
        given = [n for n in ("Input", "InputPath", "InputTransformer") if n in target]
        if len(given) > 1:
            return f"Target {target.get('Id')}: {' and '.join(given)}; allowed: one of them"
    return None


@refuses("target-input-is-json", RULE)
def _input_json(properties: Properties) -> str | None:
    for target in properties.get("Targets", []):
        if "Input" in target and not is_json(target["Input"]):
            return f"JSON syntax error in input for target {target.get('Id')}."
    return None


@refuses("target-that-needs-a-role", RULE)
def _role(properties: Properties) -> str | None:
    for target in properties.get("Targets", []):
        if service_of(target.get("Arn")) in _NEED_ROLES and not target.get("RoleArn"):
            return f"RoleArn is required for target {target.get('Arn')}."
    return None


@refuses("target-ids-differ", RULE)
def _ids(properties: Properties) -> str | None:
    given = [target.get("Id") for target in properties.get("Targets", [])]
    twice = sorted({str(name) for name in given if given.count(name) > 1})
    return f"Target Id {twice[0]} is used twice; allowed: each once" if twice else None


def is_json(text: Any) -> bool:
    """Whether a text is well-formed JSON."""
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True
