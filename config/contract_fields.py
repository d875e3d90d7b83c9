"""Checks of single fields of a contract: names, types, classification, ML role."""

from __future__ import annotations

import re
from collections.abc import Iterator

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from config.contract import CLASSIFIED, GLUE_TYPES, custom_properties
from config.contract_limits import check_limits
from config.problems import NOT_SET, Location
from config.reserved_words import RESERVED_WORDS
from config.wording import Finding
from core import names

CLASSIFICATIONS = ("public", "internal", *CLASSIFIED)
# No name begins with names.WORKING, so none is a working column of a job.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
# What Glue takes as the comment of a column.
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_COMMENT = re.compile(r"[\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
LONGEST_COMMENT = 255
_FIXED_ROLES = ("entityKey", "eventTime", "labelValue")


def check_field(
    schema: SchemaObject, prop: SchemaProperty, location: Location
) -> Iterator[Finding]:
    """Everything that can be said about one field and the fields it names."""
    if not prop.name or not _NAME.fullmatch(prop.name):
        yield (*location, "name"), prop.name, "allowed: lower case, digits and _, a letter first"
    if prop.name == names.ARRIVED:
        yield (*location, "name"), prop.name, "allowed: another name, this is a partition column"
    if prop.name in RESERVED_WORDS:
        allowed = "allowed: a name that is no reserved word of Athena, such as one with a suffix"
        yield (*location, "name"), prop.name, allowed
    yield from _check_description(prop, location)
    if prop.logicalType not in GLUE_TYPES:
        allowed = f"allowed: {', '.join(GLUE_TYPES)}"
        yield (*location, "logicalType"), _shown(prop.logicalType), allowed
        return
    yield from _check_physical_type(prop, location)
    yield from check_limits(prop, location)
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
        ("labelValue", ("string", "integer", "number")),
        ("feature", ("string", "integer", "number", "boolean")),
    ):
        if role == wanted_role and kind not in kinds:
            allowed = f"allowed with mlRole {role}: {', '.join(kinds)}"
            yield (*location, "logicalType"), kind, allowed
    if role != "feature" and encoding is not None:
        yield (*location, "customProperties", "encoding"), encoding, "allowed on features only"
    expected = ("targetMean", "ordinal") if kind == "string" else ("identity",)
    if role == "feature" and (encoding or "identity") not in expected:
        here = (*location, "customProperties", "encoding")
        allowed = f"allowed for a feature of type {kind}: {', '.join(expected)}"
        yield here, _shown(encoding), allowed


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
    elif event_time and observed.name != event_time:
        bound = custom_properties(observed.customProperties).get("notAfter")
        if bound is None or bound != event_time:
            allowed = (
                f"leak; allowed: a time with notAfter {event_time}, which {observed.name} lacks"
            )
            yield (*here, "observedAt"), custom["observedAt"], allowed


def _event_time(schema: SchemaObject) -> str | None:
    for prop in schema.properties or []:
        if custom_properties(prop.customProperties).get("mlRole") == "eventTime":
            return prop.name
    return None
