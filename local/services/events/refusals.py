"""EventBridge rules and EventBridge Scheduler."""

from __future__ import annotations

import json
import zoneinfo
from typing import Any

from config.schedule import schedule_error
from local.emulator.refusals import Properties, refuses

RULE, SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"
_PATTERN_CHARACTERS = 2048
_SDK = ":scheduler:::aws-sdk:"
# Calls that only read, which a schedule may not make.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_READS = (
    "get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read",
    "lookup", "discover", "validate", "batchGet", "batchDescribe", "batchRead", "transactGet",
    "adminGet", "adminList", "testMigration", "retrieve", "testConnection", "translateDocument",
    "isAuthorized", "invokeModel",
)  # fmt: skip
_TEMPLATED = ("lambda", "states", "sqs", "sns", "kinesis", "firehose", "events", "ecs")
_TEMPLATED_OTHERS = ("codebuild", "codepipeline", "inspector", "sagemaker")
_NEED_ROLES = ("states", "kinesis", "firehose", "ecs", "batch")


def _pattern(properties: Properties) -> Any:
    pattern = properties.get("EventPattern")
    return json.loads(pattern) if isinstance(pattern, str) else pattern


def _service(arn: Any) -> str:
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
        if "Input" in target and not _is_json(target["Input"]):
            return f"JSON syntax error in input for target {target.get('Id')}."
    return None


@refuses("target-that-needs-a-role", RULE)
def _role(properties: Properties) -> str | None:
    for target in properties.get("Targets", []):
        if _service(target.get("Arn")) in _NEED_ROLES and not target.get("RoleArn"):
            return f"RoleArn is required for target {target.get('Arn')}."
    return None


@refuses("target-ids-differ", RULE)
def _ids(properties: Properties) -> str | None:
    given = [target.get("Id") for target in properties.get("Targets", [])]
    twice = sorted({str(name) for name in given if given.count(name) > 1})
    return f"Target Id {twice[0]} is used twice; allowed: each once" if twice else None


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True


@refuses("schedule-expression", SCHEDULE)
def _expression(properties: Properties) -> str | None:
    expression = str(properties.get("ScheduleExpression", ""))
    if expression.startswith("at("):
        return None
    error = schedule_error(expression)
    return f"Invalid Schedule Expression {expression}. {error}" if error else None


@refuses("schedule-time-zone", SCHEDULE)
def _zone(properties: Properties) -> str | None:
    zone = properties.get("ScheduleExpressionTimezone")
    if zone and zone not in zoneinfo.available_timezones():
        return f"The ScheduleExpressionTimezone is not valid: {zone}; allowed: a tz name"
    return None


@refuses("flexible-window-has-minutes", SCHEDULE)
def _window(properties: Properties) -> str | None:
    window = properties.get("FlexibleTimeWindow", {})
    flexible, minutes = window.get("Mode") == "FLEXIBLE", window.get("MaximumWindowInMinutes")
    if flexible != (minutes is not None):
        allowed = "with MaximumWindowInMinutes" if flexible else "without MaximumWindowInMinutes"
        return f"FlexibleTimeWindow {window.get('Mode')}: allowed: {allowed}"
    return None


@refuses("schedule-input-is-json", SCHEDULE)
def _schedule_input(properties: Properties) -> str | None:
    target = properties.get("Target", {})
    if "Input" not in target or _is_json(target["Input"]):
        return None
    arn = str(target.get("Arn"))
    if _SDK in arn or _service(arn) in ("lambda", "states", "events"):
        return f"Invalid request provided: Input {target['Input']!r}; allowed: well-formed JSON"
    return None


@refuses("schedule-target-service", SCHEDULE)
def _target_service(properties: Properties) -> str | None:
    arn = str(properties.get("Target", {}).get("Arn", ""))
    service = _service(arn)
    if _SDK in arn or service in (*_TEMPLATED, *_TEMPLATED_OTHERS):
        return None
    return (
        f"Invalid request provided: {service} is not a supported service for a target; allowed: "
        "arn:aws:scheduler:::aws-sdk:<service>:<action>"
    )


@refuses("schedule-does-not-read", SCHEDULE)
def _reads(properties: Properties) -> str | None:
    arn = str(properties.get("Target", {}).get("Arn", ""))
    if _SDK not in arn:
        return None
    action = arn.rsplit(":", 1)[-1]
    if action.startswith(_READS):
        return f"Target {arn}: {action} only reads; allowed: a call that changes something"
    return None


@refuses("schedule-call-exists", SCHEDULE)
def _call(properties: Properties) -> str | None:
    from local.emulator import sdk_calls

    arn = str(properties.get("Target", {}).get("Arn", ""))
    if _SDK not in arn:
        return None
    service, _, action = arn.split(_SDK, 1)[1].partition(":")
    try:
        sdk_calls.operation(sdk_calls.botocore_service(service), action)
    except sdk_calls.UnknownCallError as error:
        return f"Target {arn}: {error}; allowed: service and action as the SDKs name them"
    return None if action[:1].islower() else f"Target {arn}: allowed: the action in camel case"
