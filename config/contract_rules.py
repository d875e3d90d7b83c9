"""Checks of a whole contract: roles, records, criteria, retention, unknown keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject
from pydantic import BaseModel

from config.contract import cause_of, custom_properties, is_feature
from config.contract_effect import keys_without_effect
from config.contract_fields import check_field
from config.problems import NOT_SET, Location
from config.service_levels import check_service_levels
from config.wording import Finding
from core import names
from model_code import tasks

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
_VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}", re.ASCII)
_TABLES = {"event": names.TABLE_EVENTS, "label": names.TABLE_LABELS}
# Ten years and a day: some seconds of listing, and about two cents, for a query without a date.
MOST_DATES = 3654
_ONE_FIELD_WITH = {
    "event": ("entityKey", "eventTime"),
    "label": ("entityKey", "eventTime", "labelValue"),
}
_NO_FIELD_WITH = {"event": ("labelValue",), "label": ("feature",)}


def check_contract(contract: OpenDataContractStandard, raw: dict[str, Any]) -> Iterator[Finding]:
    """Every mistake of a contract that has the types of ODCS.

    Args:
        contract: the parsed contract.
        raw: the same as plain YAML, in which unknown keys are still visible.
    """
    yield from _unknown_keys(raw, contract, ())
    yield from _check_head(contract)
    yield from keys_without_effect(contract)
    yield from _check_object_names(contract)
    for index, schema in enumerate(contract.schema_ or []):
        yield from _check_schema(schema, ("schema", index))
    yield from _check_roles(contract)
    yield from check_service_levels(contract)


def _unknown_keys(raw: object, model: object, location: Location) -> Iterator[Finding]:
    """Keys that the ODCS models ignore in silence, which is how a typo disables a limit."""
    if isinstance(model, BaseModel) and isinstance(raw, dict):
        fields = {info.alias or name: name for name, info in type(model).model_fields.items()}
        for key, value in raw.items():
            if key in fields:
                yield from _unknown_keys(value, getattr(model, fields[key]), (*location, key))
            else:
                allowed = f"not in ODCS; allowed: {', '.join(fields)}"
                yield (*location, key), key, allowed
    elif isinstance(model, list) and isinstance(raw, list):
        for index, (value, item) in enumerate(zip(raw, model, strict=True)):
            yield from _unknown_keys(value, item, (*location, index))


def _check_head(contract: OpenDataContractStandard) -> Iterator[Finding]:
    if contract.kind != "DataContract":
        yield ("kind",), contract.kind, "allowed: DataContract"
    if not str(contract.apiVersion).startswith("v3."):
        yield ("apiVersion",), contract.apiVersion, "allowed: v3 of the standard, such as v3.1.0"
    if not _NAME.fullmatch(contract.name or ""):
        yield ("name",), contract.name, "allowed: lower case, digits and -, a letter first"
    if not _VERSION.fullmatch(contract.version or ""):
        yield ("version",), contract.version, "allowed: major.minor.patch"


def _check_object_names(contract: OpenDataContractStandard) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, schema in enumerate(contract.schema_ or []):
        here, name = ("schema", index, "name"), schema.name or ""
        if not _OBJECT_NAME.fullmatch(name):
            yield here, schema.name, "allowed: letters, digits, _ and -, a letter first"
        elif name.lower() in seen:
            yield here, name, "given twice; allowed: each name once, whatever its case"
        seen.add(name.lower())


def _check_schema(schema: SchemaObject, location: Location) -> Iterator[Finding]:
    custom = custom_properties(schema.customProperties)
    earliest, latest = custom.get("earliestEventTime"), custom.get("latestEventTime")
    if isinstance(earliest, str) and isinstance(latest, str) and earliest >= latest:
        here = (*location, "customProperties", "earliestEventTime")
        yield here, earliest, f"allowed: before latestEventTime, {latest}"
    elif isinstance(earliest, str) and isinstance(latest, str):
        yield from _check_span(earliest, latest, location)
    table = _TABLES.get(str(custom.get("mlRole")))
    if table is not None and schema.physicalName != table:
        yield (*location, "physicalName"), schema.physicalName, f"allowed: {table}"
    seen: set[str] = set()
    for index, prop in enumerate(schema.properties or []):
        here = (*location, "properties", index)
        if prop.name in seen:
            yield (*here, "name"), prop.name, "given twice; allowed: each name once"
        seen.add(str(prop.name))
        yield from check_field(schema, prop, here)
    yield from _check_field_roles(schema, str(custom.get("mlRole")), location)


def _check_span(earliest: str, latest: str, location: Location) -> Iterator[Finding]:
    """Athena projects one partition for each date: a query without a date lists all of them."""
    try:
        first, last = (date.fromisoformat(bound[:10]) for bound in (earliest, latest))
    except ValueError:
        return
    if (last - first).days >= MOST_DATES:
        yield (
            (*location, "customProperties", "latestEventTime"),
            latest,
            f"allowed: at most {MOST_DATES} dates from earliestEventTime, {earliest}, for a query "
            "that names no date lists each of them",
        )


def _check_field_roles(schema: SchemaObject, role: str, location: Location) -> Iterator[Finding]:
    found: dict[str, list[str]] = {}
    for prop in schema.properties or []:
        field_role = custom_properties(prop.customProperties).get("mlRole")
        found.setdefault(str(field_role), []).append(str(prop.name))
    here = (*location, "properties")
    for wanted in _ONE_FIELD_WITH.get(role, ()):
        fields = found.get(wanted, [])
        if len(fields) != 1:
            value = fields or NOT_SET
            yield here, value, f"allowed: exactly one field with mlRole {wanted}"
    for unwanted in _NO_FIELD_WITH.get(role, ()):
        if unwanted in found:
            yield here, found[unwanted], f"allowed in the {role} record: no mlRole {unwanted}"
    if role == "event" and not found.get("feature"):
        yield here, NOT_SET, "allowed: at least one field with mlRole feature"


def _check_roles(contract: OpenDataContractStandard) -> Iterator[Finding]:
    """One event and one label record, which share the key and are told apart by the label."""
    by_role: dict[str, list[SchemaObject]] = {}
    for schema in contract.schema_ or []:
        role = custom_properties(schema.customProperties).get("mlRole")
        by_role.setdefault(str(role), []).append(schema)
    for role in _TABLES:
        schemas = by_role.get(role, [])
        if len(schemas) != 1:
            value = [schema.name for schema in schemas] or NOT_SET
            yield ("schema",), value, f"allowed: exactly one object with mlRole {role}"
    if all(len(by_role.get(role, [])) == 1 for role in _TABLES):
        event, label = by_role["event"][0], by_role["label"][0]
        yield from _check_pair(contract, event, label)


def _named(schema: SchemaObject, role: str) -> str | None:
    for prop in schema.properties or []:
        if custom_properties(prop.customProperties).get("mlRole") == role:
            return prop.name
    return None


def _check_pair(
    contract: OpenDataContractStandard, event: SchemaObject, label: SchemaObject
) -> Iterator[Finding]:
    position = (contract.schema_ or []).index(label)
    here: Location = ("schema", position, "properties")
    key, label_key = _named(event, "entityKey"), _named(label, "entityKey")
    if key is not None and label_key is not None and key != label_key:
        yield here, label_key, f"allowed: the event's entityKey, {key}, so that labels join"
    target = _named(label, "labelValue")
    if target is not None and target in {prop.name for prop in event.properties or []}:
        yield here, target, "leak: the label's value is a field of the event; allowed: another name"
    custom = custom_properties(contract.customProperties)
    yield from _check_task(contract, event, label, target)
    monitoring = custom.get("monitoring")
    causes = sorted({cause_of(prop) for prop in event.properties or [] if is_feature(prop)})
    limit = monitoring.get("driftedFeaturesToAlarm") if isinstance(monitoring, dict) else None
    # Without features that is what is wrong, and told elsewhere.
    if causes and isinstance(limit, int) and limit > len(causes):
        yield (
            ("customProperties", "monitoring", "driftedFeaturesToAlarm"),
            limit,
            f"allowed: at most {len(causes)}, for features of one cause count once "
            f"({', '.join(causes)})",
        )


def _check_task(
    contract: OpenDataContractStandard,
    event: SchemaObject,
    label: SchemaObject,
    target: str | None,
) -> Iterator[Finding]:
    """What the task asks of labels and features."""
    custom = custom_properties(contract.customProperties)
    if custom.get("task") not in tasks.TASKS:
        return
    part, schemas = tasks.part(custom["task"], "contract"), contract.schema_ or []
    for position, prop in enumerate(event.properties or []):
        encoding = custom_properties(prop.customProperties).get("encoding")
        if encoding not in (None, "identity", *part.ENCODINGS):
            here = ("schema", schemas.index(event), "properties", position)
            allowed = f"allowed with task {custom['task']}: {', '.join(part.ENCODINGS)}"
            yield (*here, "customProperties", "encoding"), encoding, allowed
    position, found = next(
        ((at, prop) for at, prop in enumerate(label.properties or []) if prop.name == target),
        (0, None),
    )
    if found is None:
        return
    field: Location = ("schema", schemas.index(label), "properties", position)
    if found.logicalType not in part.LABEL_TYPES:
        allowed = f"allowed with mlRole labelValue and task {custom['task']}: "
        allowed += ", ".join(part.LABEL_TYPES)
        yield (*field, "logicalType"), found.logicalType, allowed
        return
    for (first, *rest), value, allowed in part.check(custom, found):
        if first == "label":
            yield (*field, *rest), value, allowed
        else:
            yield ("customProperties", first, *rest), value, allowed
