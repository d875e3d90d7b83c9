"""Trails: names, their log group, and which events they select."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses

TRAIL = "AWS::CloudTrail::Trail"
_NAME = re.compile(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*")
_CATEGORIES = ("Management", "Data", "NetworkActivity")
_EQUALS_ONLY = ("readOnly", "eventCategory", "resources.type")
_FIELDS = {
    "Management": {"eventCategory", "readOnly", "eventSource", "eventName", "eventType",
                   "sessionCredentialFromConsole", "userIdentity.arn"},
    "Data": {"eventCategory", "readOnly", "eventSource", "eventName", "eventType",
             "resources.type", "resources.ARN", "sessionCredentialFromConsole",
             "userIdentity.arn"},
}  # fmt: skip


@refuses("trail-name-form", TRAIL)
def _name(properties: Properties) -> str | None:
    name = properties.get("TrailName")
    if name is None or _NAME.fullmatch(str(name)):
        return None
    return f"TrailName {name}: no adjacent '.', '_' or '-', and a letter or digit at both ends"


@refuses("trail-log-group-and-role", TRAIL)
def _log_group(properties: Properties) -> str | None:
    group, role = (properties.get(f"CloudWatchLogs{n}Arn") for n in ("LogGroup", "Role"))
    if bool(group) == bool(role):
        return None
    return "CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn need one another"


@refuses("trail-of-all-regions-has-global-events", TRAIL)
def _global(properties: Properties) -> str | None:
    multi = truth(properties.get("IsMultiRegionTrail"))
    if not multi or truth(properties.get("IncludeGlobalServiceEvents", multi)):
        return None
    return "Multi-Region trail must include global service events."


@refuses("trail-one-kind-of-selectors", TRAIL)
def _one_kind(properties: Properties) -> str | None:
    if not (properties.get("EventSelectors") and properties.get("AdvancedEventSelectors")):
        return None
    return "You can use either AdvancedEventSelectors or EventSelectors, but not both"


@refuses("trail-selects-something", TRAIL)
def _something(properties: Properties) -> str | None:
    for selector in properties.get("EventSelectors") or []:
        management = truth(selector.get("IncludeManagementEvents", True))
        if not management and not selector.get("DataResources"):
            return "When includeManagementEvents is false, DataResources must not be empty"
    return None


def _selectors(properties: Properties) -> list[dict[str, dict[str, Any]]]:
    """Each advanced selector's fields by name."""
    return [
        {field["Field"]: field for field in selector["FieldSelectors"]}
        for selector in properties.get("AdvancedEventSelectors") or []
    ]


def _category(fields: dict[str, dict[str, Any]]) -> Any:
    """The one that the selector names; None if it names none or several."""
    named = fields.get("eventCategory", {}).get("Equals") or []
    return named[0] if len(named) == 1 else None


@refuses("trail-selector-category", TRAIL)
def _categories(properties: Properties) -> str | None:
    for fields in _selectors(properties):
        category = _category(fields)
        if category not in _CATEGORIES:
            given = fields.get("eventCategory")
            return f"A selector needs eventCategory; allowed: one of {_CATEGORIES}, not {given}"
        kinds = fields.get("resources.type", {}).get("Equals") or []
        if category == "Data" and len(kinds) != 1:
            return f"A selector of data events needs one resources.type, not {kinds}"
    return None


@refuses("trail-selector-fields", TRAIL)
def _fields(properties: Properties) -> str | None:
    for fields in _selectors(properties):
        unknown = set(fields) - _FIELDS.get(_category(fields), set(fields))
        if unknown:
            return f"{sorted(unknown)} is no field of a selector of {_category(fields)} events"
        for name in _EQUALS_ONLY:
            if set(fields.get(name, {})) - {"Field", "Equals"}:
                return f"{name}: the only valid operator is Equals"
    return None
