"""Checks of single fields of a contract: type, limits, classification, ML role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from config.contract import CLASSIFIED, GLUE_TYPES, custom_properties
from config.patterns import PatternError, check_pattern
from config.problems import NOT_SET, Location
from config.reserved_words import RESERVED_WORDS
from config.wording import Finding
from core import names
from core.checks import RANGES

CLASSIFICATIONS = ("public", "internal", *CLASSIFIED)
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
# No name begins with names.WORKING, so none is a working column of a job.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
# What Glue takes as the comment of a column.
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_COMMENT = re.compile(r"[\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
LONGEST_COMMENT = 255
# A request's body has 64 KB.
LONGEST_TEXT = 65_536
_FIXED_ROLES = ("entityKey", "eventTime", "labelValue")


def check_field(
    schema: SchemaObject, prop: SchemaProperty, location: Location
) -> Iterator[Finding]:
    """Everything that can be said about one field and the fields it names."""
    if not prop.name or not _NAME.fullmatch(prop.name):
        yield (*location, "name"), prop.name, "allowed: lower case, digits and _, a letter first"
    if prop.name == names.PARTITION_DATE:
        yield (*location, "name"), prop.name, "allowed: another name, this is the partition column"
    if prop.name in RESERVED_WORDS:
        allowed = "allowed: a name that is no reserved word of Athena, such as one with a suffix"
        yield (*location, "name"), prop.name, allowed
    yield from _check_description(prop, location)
    if prop.logicalType not in GLUE_TYPES:
        allowed = f"allowed: {', '.join(GLUE_TYPES)}"
        yield (*location, "logicalType"), _shown(prop.logicalType), allowed
        return
    yield from _check_physical_type(prop, location)
    yield from _check_options(prop, location)
    yield from _check_enum(prop, location)
    yield from _check_examples(prop, location)
    yield from _check_classification(prop, location)
    yield from _check_role(prop, location)
    yield from _check_times(schema, prop, location)


def _shown(value: object) -> object:
    return NOT_SET if value is None else value


def _check_description(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    text = prop.description or ""
    if len(text) > LONGEST_COMMENT or not _COMMENT.fullmatch(text):
        allowed = (
            f"allowed: one line of at most {LONGEST_COMMENT} characters, here {len(text)}, for it "
            "is the comment of a Glue column"
        )
        yield (*location, "description"), text, allowed


def _check_physical_type(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    treated = "treatment" in custom_properties(prop.customProperties)
    expected = "string" if treated else GLUE_TYPES[str(prop.logicalType)]
    if prop.physicalType is not None and prop.physicalType != expected:
        allowed = f"allowed for logicalType {prop.logicalType}: {expected}"
        yield (*location, "physicalType"), prop.physicalType, allowed


def _check_options(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    options, kind = dict(prop.logicalTypeOptions or {}), str(prop.logicalType)
    here = (*location, "logicalTypeOptions")
    for name in set(options) - set(_OPTIONS[kind]):
        known = ", ".join(_OPTIONS[kind]) or "none"
        yield (*here, name), options[name], f"not enforced for {kind}; allowed: {known}"
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        yield from _check_limits(options, low, high, kind, here)
    if kind == "string":
        yield from _check_pattern(options, here)
        if "maxLength" not in options and not prop.enum:
            allowed = "allowed: a limit (or an enum); unbounded text makes records unbounded"
            yield (*here, "maxLength"), NOT_SET, allowed


def _check_limits(
    options: dict[str, Any], low: str, high: str, kind: str, here: Location
) -> Iterator[Finding]:
    valid = True
    for name in (low, high):
        value: Any = options.get(name, 0)
        if not _is_of("number" if kind == "number" else "integer", value):
            valid = False
            article = "a number" if kind == "number" else "an integer"
            yield (*here, name), value, f"allowed: {article}"
        elif name.endswith("Length") and not 0 <= value <= LONGEST_TEXT:
            yield (*here, name), value, f"allowed: 0 to {LONGEST_TEXT}, what a request holds"
        elif name in options and (allowed := _not_held(kind, value)):
            valid = False
            yield (*here, name), value, allowed
    if valid and low in options and high in options and options[low] > options[high]:
        yield (*here, low), options[low], f"allowed: at most {high}, {options[high]}"


def _not_held(kind: str, value: Any) -> str | None:
    """Why a number is none that a field of this type can have; None if it is one."""
    if kind not in RANGES:
        return None
    low, high = RANGES[kind]
    if not low <= value <= high:
        held = "64 bits hold" if kind == "integer" else "a feature, a 32-bit float, holds"
        return f"allowed: {low} to {high}, what {held}"
    if kind == "number" and float(value) != value:
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
        if not _is_of(kind, entry.value):
            yield here, entry.value, f"allowed: a value of type {kind}"
        elif allowed := _not_held(kind, entry.value):
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


def _check_classification(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    custom = custom_properties(prop.customProperties)
    if prop.classification not in CLASSIFICATIONS:
        allowed = f"allowed: {', '.join(CLASSIFICATIONS)}"
        yield (*location, "classification"), _shown(prop.classification), allowed
        return
    classified = prop.classification in CLASSIFIED
    if classified and "treatment" not in custom:
        allowed = "must be set for a classified field; allowed: pseudonymise"
        yield (*location, "customProperties", "treatment"), NOT_SET, allowed
    if not classified and "treatment" in custom:
        allowed = f"allowed with a treatment: {', '.join(CLASSIFIED)}"
        yield (*location, "classification"), prop.classification, allowed
    role = custom.get("mlRole")
    # Keys and times appear in file names, partitions and error messages.
    shown = role in ("entityKey", "eventTime")
    if role is not None and (classified or (shown and prop.classification != "public")):
        allowed = f"allowed with mlRole {role}: {'public' if shown else 'public, internal'}"
        yield (*location, "classification"), prop.classification, allowed


def _check_role(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    custom, kind = custom_properties(prop.customProperties), str(prop.logicalType)
    role, encoding = custom.get("mlRole"), custom.get("encoding")
    if role in _FIXED_ROLES and not prop.required:
        yield (*location, "required"), _shown(prop.required), f"allowed with mlRole {role}: true"
    for wanted_role, kinds in (
        ("entityKey", ("string",)),
        ("eventTime", ("timestamp",)),
        ("labelValue", ("integer", "number")),
        ("feature", ("string", "integer", "number", "boolean")),
    ):
        if role == wanted_role and kind not in kinds:
            allowed = f"allowed with mlRole {role}: {', '.join(kinds)}"
            yield (*location, "logicalType"), kind, allowed
    if role != "feature" and encoding is not None:
        yield (*location, "customProperties", "encoding"), encoding, "allowed on features only"
    expected = "targetMean" if kind == "string" else "identity"
    if role == "feature" and (encoding or "identity") != expected:
        here = (*location, "customProperties", "encoding")
        yield here, _shown(encoding), f"allowed for a feature of type {kind}: {expected}"


def _check_times(
    schema: SchemaObject, prop: SchemaProperty, location: Location
) -> Iterator[Finding]:
    """No feature may be observed after the event: that would leak the future into training."""
    custom = custom_properties(prop.customProperties)
    times = {p.name: p for p in schema.properties or [] if p.logicalType == "timestamp"}
    event_time = _event_time(schema)
    here = (*location, "customProperties")
    if "notAfter" in custom:
        if prop.logicalType != "timestamp":
            yield (*location, "logicalType"), prop.logicalType, "allowed with notAfter: timestamp"
        if custom["notAfter"] not in times or custom["notAfter"] == prop.name:
            others = ", ".join(str(name) for name in times if name != prop.name) or "none"
            yield (*here, "notAfter"), custom["notAfter"], f"allowed: a timestamp field ({others})"
    if "observedAt" not in custom:
        return
    observed = times.get(custom["observedAt"])
    if custom.get("mlRole") != "feature":
        yield (*here, "observedAt"), custom["observedAt"], "allowed on features only"
    if observed is None:
        allowed = f"allowed: a timestamp field ({', '.join(map(str, times)) or 'none'})"
        yield (*here, "observedAt"), custom["observedAt"], allowed
    elif observed.name != event_time:
        bound = custom_properties(observed.customProperties).get("notAfter")
        if bound is None or bound != event_time:
            allowed = f"leak: {observed.name} needs notAfter {event_time}, the event time"
            yield (*here, "observedAt"), custom["observedAt"], allowed


def _event_time(schema: SchemaObject) -> str | None:
    for prop in schema.properties or []:
        if custom_properties(prop.customProperties).get("mlRole") == "eventTime":
            return prop.name
    return None
