"""Composite alarms and dashboards."""

from __future__ import annotations

import json
import re
from typing import Any

from local.emulator.refusals import Properties, refuses
from local.services.cloudwatch.refusals import COMPOSITE

CHILDREN = 100
_WORD = re.compile(
    r"\s*(AND\b|OR\b|NOT\b|TRUE\b|FALSE\b|\(|\)"
    r"|(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"[^\"]+\"|'[^']+'|[^\s()\"']+)\s*\))"
)
_WIDGETS = {"metric", "text", "log", "alarm", "explorer", "custom"}
_GRID = {"width": (1, 24), "height": (1, 1000), "x": (0, 23), "y": (0, 1 << 31)}


def _words(rule: str) -> list[str] | None:
    """The rule's words, None where one of them is none that a rule knows."""
    found, place = [], 0
    text = rule.strip()
    while place < len(text):
        match = _WORD.match(text, place)
        if match is None:
            return None
        found.append(match[1])
        place = match.end()
    return found


def _reads(words: list[str]) -> bool:
    """Whether operands and operators alternate as they should and parentheses match."""
    wants_operand, depth = True, 0
    for word in words:
        if word in ("NOT", "("):
            if not wants_operand:
                return False
            depth += word == "("
        elif word in ("AND", "OR", ")"):
            if wants_operand:
                return False
            depth -= word == ")"
            wants_operand = word != ")"
        else:
            if not wants_operand:
                return False
            wants_operand = False
        if depth < 0:
            return False
    return depth == 0 and not wants_operand


@refuses("composite-rule-syntax", COMPOSITE)
def _syntax(properties: Properties) -> str | None:
    words = _words(str(properties["AlarmRule"]))
    if words and _reads(words):
        return None
    begin = str(properties["AlarmRule"])[:80]
    return f"AlarmRule takes alarm states, AND, OR, NOT and parentheses: {begin!r}"


@refuses("composite-children", COMPOSITE)
def _children(properties: Properties) -> str | None:
    words = _words(str(properties["AlarmRule"])) or []
    children = {word for word in words if len(word) > 1 and word.endswith(")")}
    if len(children) <= CHILDREN:
        return None
    return f"AlarmRule names {len(children)} alarms; allowed: at most {CHILDREN}"


@refuses("composite-suppressor-periods", COMPOSITE)
def _suppressor(properties: Properties) -> str | None:
    periods = [f"ActionsSuppressor{name}Period" for name in ("Wait", "Extension")]
    missing = [name for name in periods if name not in properties]
    if "ActionsSuppressor" not in properties or not missing:
        return None
    return f"ActionsSuppressor needs {missing}"


@refuses("composite-notifies-only", COMPOSITE)
def _notifies(properties: Properties) -> str | None:
    for state in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        for action in properties.get(state) or []:
            if str(action).split(":")[2:3] in (["automate"], ["autoscaling"], ["swf"]):
                return f"{state}: {action} is not supported for composite alarms"
    return None


def _wrong_widget(number: int, widget: Any) -> str | None:
    place = f"/widgets/{number}"
    if not isinstance(widget, dict) or widget.get("type") not in _WIDGETS:
        return f"{place}/type should be one of {sorted(_WIDGETS)}"
    if not isinstance(widget.get("properties"), dict):
        return f"{place} should have required property 'properties'"
    for name, (low, high) in _GRID.items():
        if name in widget and not low <= widget[name] <= high:
            return f"{place}/{name} {widget[name]}: allowed: {low} to {high}"
    properties = widget["properties"]
    if widget["type"] == "alarm" and not 0 < len(properties.get("alarms", [])) <= CHILDREN:
        return f"{place}/properties/alarms: allowed: 1 to {CHILDREN} alarms"
    if widget["type"] == "metric" and "metrics" in properties and "region" not in properties:
        return f"{place}/properties should have required property 'region'"
    return None


@refuses("dashboard-body", "AWS::CloudWatch::Dashboard")
def _dashboard(properties: Properties) -> str | None:
    try:
        body = json.loads(properties["DashboardBody"])
    except ValueError as error:
        return f"The dashboard body is invalid: it is no JSON: {error}"
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list):
        return "The dashboard body is invalid: it should have required property 'widgets'"
    if len(widgets) > 500:
        return f"The dashboard body is invalid: {len(widgets)} widgets, at most 500"
    wrong = (_wrong_widget(number, widget) for number, widget in enumerate(widgets))
    found = next((message for message in wrong if message), None)
    return f"The dashboard body is invalid: {found}" if found else None
