"""Read an ODCS v3 data contract and compile it to the one document that every layer reads.

The ODCS models are needed at synth only. What Lambda, Spark and SageMaker code get is the compiled
JSON document (see :func:`compile_contract`), which the standard library alone can read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from open_data_contract_standard.model import (
    CustomProperty,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from config.contract_properties import properties_of
from config.problems import ConfigurationError
from config.source import read_source
from model_code import tasks

# Values of these classifications leave the transform and the router only as pseudonyms.
CLASSIFIED = ("confidential", "restricted")
# Units of service levels.
HOURS = {"h": 1, "d": 24, "day": 24, "days": 24}
GLUE_TYPES = {
    "string": "string",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
}


def read_contract(path: Path) -> OpenDataContractStandard:
    """Parse the YAML file into the ODCS models, as :mod:`config.load` does, without its checks.

    Raises:
        ConfigurationError: the file can't be read, or holds what YAML reads in two ways.
        pydantic.ValidationError: a member has the wrong type.
    """
    source = read_source(path, path.parent)
    if source.problems:
        raise ConfigurationError(source.problems)
    return OpenDataContractStandard.model_validate(source.data, strict=True)


def custom_properties(properties: list[CustomProperty] | None) -> dict[str, Any]:
    """Custom properties by name; `config.contract_properties` refuses duplicates.

    One without a value is not given.
    """
    return {p.property: p.value for p in properties or [] if p.property and p.value is not None}


def _field(prop: SchemaProperty) -> dict[str, Any]:
    """One field of a record: its types, limits and treatment."""
    options = dict(prop.logicalTypeOptions or {})
    custom = custom_properties(prop.customProperties)
    compiled: dict[str, Any] = {
        "name": prop.name,
        "type": prop.logicalType,
        "glue_type": GLUE_TYPES[prop.logicalType or ""],
        "required": bool(prop.required),
        "classification": prop.classification,
        "description": prop.description or "",
    }
    if prop.examples:
        compiled["example"] = prop.examples[0]
    if prop.enum:
        compiled["allowed"] = [value.value for value in prop.enum]
    for odcs, ours in (
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("minLength", "min_length"),
        ("maxLength", "max_length"),
        ("pattern", "pattern"),
    ):
        if odcs in options:
            compiled[ours] = options[odcs]
    if "notAfter" in custom:
        compiled["not_after"] = custom["notAfter"]
    if "observedAt" in custom:
        compiled["observed_at"] = custom["observedAt"]
    if "treatment" in custom:
        compiled["treatment"] = custom["treatment"]
        # A pseudonym is text, whatever the type of the value that it stands for.
        compiled["glue_type"] = "string"
    return compiled


def _named(schema: SchemaObject, role: str) -> str | None:
    for prop in schema.properties or []:
        if custom_properties(prop.customProperties).get("mlRole") == role:
            return prop.name
    return None


def _record(schema: SchemaObject) -> dict[str, Any]:
    custom = custom_properties(schema.customProperties)
    return {
        "name": schema.name,
        "table": schema.physicalName,
        "id_field": _named(schema, "entityKey"),
        "time_field": _named(schema, "eventTime"),
        "earliest": custom["earliestEventTime"],
        "latest": custom["latestEventTime"],
        "fields": [_field(prop) for prop in schema.properties or []],
    }


def is_feature(prop: SchemaProperty) -> bool:
    """Whether the model reads a field."""
    return bool(custom_properties(prop.customProperties).get("mlRole") == "feature")


def cause_of(prop: SchemaProperty) -> str:
    """What a feature moves by: the cause that it names, its observation, or itself."""
    custom = custom_properties(prop.customProperties)
    return str(custom.get("cause") or custom.get("observedAt") or prop.name)


def _features(schema: SchemaObject) -> list[dict[str, Any]]:
    features = []
    for prop in schema.properties or []:
        custom = custom_properties(prop.customProperties)
        if custom.get("mlRole") != "feature":
            continue
        categorical = prop.logicalType == "string"
        feature = {
            "name": prop.name,
            "kind": "category" if categorical else "number",
            "encoding": custom.get("encoding", "identity"),
        }
        if "observedAt" in custom:
            feature["observed_at"] = custom["observedAt"]
        # Features of one observation move together, and so may others: drift counts them once.
        feature["cause"] = cause_of(prop)
        features.append(feature)
    return features


def _hours(contract: OpenDataContractStandard, promise: str, schema: SchemaObject) -> int:
    """What a service level promises for a record, in hours; 0 if it promises nothing."""
    return sum(
        int(sla.value or 0) * HOURS[str(sla.unit)]
        for sla in contract.slaProperties or []
        if (sla.property, sla.element) == (promise, schema.name)
    )


def compile_contract(contract: OpenDataContractStandard) -> dict[str, Any]:
    """Derive the document that run-time code reads.

    Keys: ``name``, ``version``, ``event`` and ``label`` (each ``name``, ``table``, ``id_field``,
    ``time_field``, ``earliest``, ``latest``, ``fields``), ``features``, ``task``, ``label_rule``
    and ``seed`` (the task's own), ``gate``, ``monitoring``, ``retention_days``,
    ``label_latency_hours``. The order of fields and features is the contract's.
    """
    schemas = {
        custom_properties(s.customProperties).get("mlRole"): s for s in contract.schema_ or []
    }
    event, label = schemas["event"], schemas["label"]
    # What was validated, with defaults: the file may hold a number as text.
    given = custom_properties(contract.customProperties)
    custom = properties_of(given).model_validate(given).model_dump()
    compiled_label = _record(label)
    target = _named(label, "labelValue")
    field = next(field for field in compiled_label["fields"] if field["name"] == target)
    return {
        "name": contract.name,
        "version": contract.version,
        "event": _record(event),
        "label": compiled_label,
        "features": _features(event),
        "task": custom["task"],
        **tasks.part(custom["task"], "contract").compiled(custom, field),
        "gate": custom["gate"],
        "monitoring": custom["monitoring"],
        "retention_days": {
            "event": _hours(contract, "retention", event) // 24,
            "label": _hours(contract, "retention", label) // 24,
        },
        "label_latency_hours": _hours(contract, "latency", label),
    }


def example_record(record: dict[str, Any]) -> dict[str, Any]:
    """A record made of the examples that the contract gives for its fields."""
    return {f["name"]: f["example"] for f in record["fields"] if "example" in f}
