"""Log groups and metric filters."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.refusals import Properties, refuses

FILTER = "AWS::Logs::MetricFilter"
_METRIC = re.compile(r"[^:*$]{0,255}")
_REGULAR_EXPRESSIONS = 2


def _transformations(properties: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = properties.get("MetricTransformations") or []
    return found


@refuses("log-group-reserved-name", "AWS::Logs::LogGroup")
def _reserved(properties: Properties) -> str | None:
    name = str(properties.get("LogGroupName", ""))
    return (
        f"Log groups starting with AWS/ are reserved: {name}"
        if re.match("(?i)aws/", name)
        else None
    )


@refuses("metric-filter-metric-name", FILTER)
def _metric(properties: Properties) -> str | None:
    for entry in _transformations(properties):
        for name in ("MetricName", "MetricNamespace"):
            if not _METRIC.fullmatch(str(entry[name])):
                return f"{name} {entry[name]}: allowed: up to 255 characters without ':', '*', '$'"
    return None


@refuses("metric-filter-default-or-dimensions", FILTER)
def _default(properties: Properties) -> str | None:
    for entry in _transformations(properties):
        if entry.get("Dimensions") and "DefaultValue" in entry:
            return (
                "Invalid metric transformation: dimensions and default value are mutually "
                "exclusive properties."
            )
    return None


@refuses("metric-filter-dimension-values", FILTER)
def _values(properties: Properties) -> str | None:
    for entry in _transformations(properties):
        for dimension in entry.get("Dimensions") or []:
            if not str(dimension["Value"]).startswith("$"):
                return f"Dimension value {dimension['Value']}: allowed: a field such as $.name"
    return None


@refuses("metric-filter-dimensions-need-fields", FILTER)
def _fields(properties: Properties) -> str | None:
    pattern = str(properties.get("FilterPattern", "")).strip()
    named = any(entry.get("Dimensions") for entry in _transformations(properties))
    if not named or pattern[:1] in ("{", "["):
        return None
    return f"The specified filter pattern does not support dimensions: {pattern!r}"


@refuses("metric-filter-expressions", FILTER)
def _expressions(properties: Properties) -> str | None:
    count = len(re.findall("%[^%]+%", str(properties.get("FilterPattern", ""))))
    if count <= _REGULAR_EXPRESSIONS:
        return None
    return f"A filter pattern takes {_REGULAR_EXPRESSIONS} regular expressions, not {count}"
