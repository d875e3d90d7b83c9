"""Schedules: expressions, time zones, windows, and what a target may be."""

from __future__ import annotations

import zoneinfo

from config.schedule import schedule_error
from local.emulator.refusals import Properties, refuses
from local.services.events.refusals import is_json, service_of

SCHEDULE = "AWS::Scheduler::Schedule"
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
    if "Input" not in target or is_json(target["Input"]):
        return None
    arn = str(target.get("Arn"))
    if _SDK in arn or service_of(arn) in ("lambda", "states", "events"):
        return f"Invalid request provided: Input {target['Input']!r}; allowed: well-formed JSON"
    return None


@refuses("schedule-target-service", SCHEDULE)
def _target_service(properties: Properties) -> str | None:
    arn = str(properties.get("Target", {}).get("Arn", ""))
    service = service_of(arn)
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
