"""Metric filters that count: each log event is held against its group's filters on arrival.

MiniStack stores metric filters and publishes nothing. Here both ways into a log group, PutLogEvents
and what a function prints, end in the metrics that alarms watch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.cloudwatch import metrics
from local.services.logs.patterns import PatternError, compile_pattern, select

_MODULE = "ministack.services.cloudwatch_logs"

pin(
    _MODULE,
    _metric_filters="scoped",
    _put_metric_filter="callable",
    _compile_filter_pattern="callable",
    _fanout_to_subscription_filters="callable",
)


def publish(group: str, messages: Iterable[str]) -> None:
    """Store what the group's filters make of new messages, at the present time."""
    from ministack.services import cloudwatch_logs

    arrived = list(messages)
    for entry in list(cloudwatch_logs._metric_filters.values()):
        if entry["logGroupName"] != group:
            continue
        matches = compile_pattern(entry.get("filterPattern") or "")
        matched = [message for message in arrived if matches(message)]
        for transformation in entry["metricTransformations"]:
            _transform(transformation, matched)


def _transform(transformation: dict[str, Any], matched: list[str]) -> None:
    values = [
        (number, _dimensions(transformation, message))
        for message in matched
        if (number := _value(transformation["metricValue"], message)) is not None
    ]
    if not matched and transformation.get("defaultValue") is not None:
        values = [(float(transformation["defaultValue"]), {})]
    for number, dimensions in values:
        metrics.put(
            transformation["metricNamespace"], transformation["metricName"], number,
            transformation.get("unit") or "None", dimensions,
        )  # fmt: skip


def _field(selector: str, message: str) -> Any:
    try:
        return select(json.loads(message), selector)
    except ValueError:
        return None


def _value(text: Any, message: str) -> float | None:
    """A number as it stands, or the number in the field it selects; None if there is none."""
    found = _field(text, message) if str(text).startswith("$") else text
    try:
        return None if isinstance(found, bool) else float(found)
    except (TypeError, ValueError):
        return None


def _dimensions(transformation: dict[str, Any], message: str) -> dict[str, str]:
    found = {
        name: _field(selector, message)
        for name, selector in (transformation.get("dimensions") or {}).items()
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _refuse_unreadable(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(data: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json

        try:
            compile_pattern(data.get("filterPattern") or "")
        except PatternError as error:
            return error_response_json("InvalidParameterException", str(error), 400)
        return original(data)

    return put


def _read(original: Callable[..., Any]) -> Callable[..., Any]:
    def fan_out(group: str, stream: str, events: list[dict[str, Any]]) -> Any:
        publish(group, (str(event.get("message", "")) for event in events))
        return original(group, stream, events)

    return fan_out


def attach(_tables: Tables) -> None:
    """Evaluate filters on the way to subscriptions, which every message passes."""
    replace(_MODULE, "_put_metric_filter", _refuse_unreadable)
    replace(_MODULE, "_fanout_to_subscription_filters", _read)
    replace(_MODULE, "_compile_filter_pattern", lambda _original: compile_pattern)
