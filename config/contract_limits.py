"""Checks of what a field's values may be: limits, patterns, allowed values, examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from open_data_contract_standard.model import SchemaProperty

from config.contract import custom_properties
from config.patterns import PatternError, check_pattern
from config.problems import NOT_SET, Location
from config.wording import Finding
from core.checks import RANGES
from core.records import LONGEST_ID

_OPTIONS = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "boolean": (),
    "timestamp": (),
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "timestamp": (str,),
}
# A request's body has 64 KB.
LONGEST_TEXT = 65_536


def check_limits(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    """Everything that can be said about the limits of a field that has one of our types."""
    yield from _check_options(prop, location)
    yield from _check_enum(prop, location)
    yield from _check_examples(prop, location)


def _check_options(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    options, kind = dict(prop.logicalTypeOptions or {}), str(prop.logicalType)
    here = (*location, "logicalTypeOptions")
    for name in sorted(set(options) - set(_OPTIONS[kind])):
        known = ", ".join(_OPTIONS[kind]) or "none"
        yield (*here, name), options[name], f"not enforced for {kind}; allowed: {known}"
    if kind in RANGES:
        yield from _check_bounds(options, "minimum", "maximum", partial(_no_value, kind), here)
    if kind == "string":
        role = custom_properties(prop.customProperties).get("mlRole")
        yield from _check_bounds(options, "minLength", "maxLength", partial(_no_length, role), here)
        yield from _check_pattern(options, here)
        if "maxLength" not in options and prop.enum is None:
            allowed = "allowed: a limit (or an enum); unbounded text makes records unbounded"
            yield (*here, "maxLength"), NOT_SET, allowed


def _check_bounds(
    options: dict[str, Any], low: str, high: str, wrong: Callable[[Any], str | None], here: Location
) -> Iterator[Finding]:
    good = {}
    for name in (low, high):
        if name not in options:
            continue
        if allowed := wrong(options[name]):
            yield (*here, name), options[name], allowed
        else:
            good[name] = options[name]
    if len(good) > 1 and good[low] > good[high]:
        yield (*here, low), good[low], f"allowed: at most {high}, {good[high]}"


def _no_length(role: str | None, value: Any) -> str | None:
    """Why something is no length of a text; None if it is one."""
    if not _is_of("integer", value):
        return "allowed: an integer"
    if role == "entityKey" and value > LONGEST_ID:
        return f"allowed with mlRole {role}: at most {LONGEST_ID}, for ids are shown"
    if not 0 <= value <= LONGEST_TEXT:
        return f"allowed: 0 to {LONGEST_TEXT}, what a request holds"
    return None


def _no_value(kind: str, value: Any) -> str | None:
    """Why something is no value that a field of this type can have; None if it is one."""
    if not _is_of(kind, value):
        return f"allowed: a value of type {kind}"
    if kind not in RANGES:
        return None
    low, high = RANGES[kind]
    if not low <= value <= high:
        held = "64 bits hold" if kind == "integer" else "a feature, a 32-bit float, holds"
        return f"allowed: {low} to {high}, what {held}"
    if float(value) != value and kind == "number":
        return f"allowed: a number that a double holds, such as {float(value)}"
    return None


def _check_pattern(options: dict[str, Any], here: Location) -> Iterator[Finding]:
    pattern = options.get("pattern")
    if not isinstance(pattern, str):
        if "pattern" in options:
            yield (*here, "pattern"), pattern, "allowed: a regular expression between ^ and $"
        return
    try:
        check_pattern(pattern)
    except PatternError as error:
        yield (*here, "pattern"), pattern, str(error)


def _is_of(kind: str, value: object) -> bool:
    """Whether a value is of the field's own type; true and false are integers to Python."""
    return isinstance(value, bool) is (kind == "boolean") and isinstance(value, _PYTHON_TYPES[kind])


def _check_enum(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    if prop.enum is None:
        return
    kind, seen = str(prop.logicalType), list[object]()
    if kind in ("boolean", "timestamp"):
        yield (*location, "enum"), kind, "allowed on fields of type string, integer or number"
        return
    if not prop.enum:
        yield (*location, "enum"), [], "allowed: at least one value"
    for index, entry in enumerate(prop.enum):
        here = (*location, "enum", index, "value")
        if allowed := _no_value(kind, entry.value):
            yield here, entry.value, allowed
        elif entry.value in seen:
            yield here, entry.value, "given twice; allowed: each value once"
        seen.append(entry.value)


def _check_examples(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    kind = str(prop.logicalType)
    for index, value in enumerate(prop.examples or []):
        if not _is_of(kind, value):
            quoted = ", in quotes where YAML reads another" if kind == "string" else ""
            yield (*location, "examples", index), value, f"allowed: a value of type {kind}{quoted}"
