"""Models of the API, from the contract: JSON Schema draft-04, as API Gateway reads it.

``Record`` and ``Batch`` tell integrators what to send, ``Answer`` what the model says; they are
exported with the API's definition and no method asks them. The gateway's validator would answer one
fixed body, without the field that is wrong: its own words for a pattern, a length or a list of
allowed values quote the value, and a gateway response can only have them whole or not at all. So it
asks ``body_model``, which stops what is no JSON object before any code runs, and the router, which
knows the whole contract, answers for fields, in a batch and alone with the same words.

Of a classified field ``Record`` knows the type alone.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.checks import classified
from model_code import tasks

DRAFT = "http://json-schema.org/draft-04/schema#"
TYPES = {
    "string": "string",
    # Draft 4 has no integer with a fraction or an exponent, and 90.0 is one that we take.
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "timestamp": "string",
}
LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
UTC_TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
)


def body_model() -> dict[str, Any]:
    """Schema of every body that is validated: an object, whatever is in it."""
    return {"$schema": DRAFT, "title": "body", "type": "object"}


def record_model(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of one event record: its fields, and no other."""
    fields = contract["event"]["fields"]
    required = [field["name"] for field in fields if field["required"]]
    return {
        "$schema": DRAFT,
        "title": contract["event"]["name"],
        "type": "object",
        # Draft 4 knows no empty list here, and API Gateway refuses the model.
        **({"required": required} if required else {}),
        "properties": {field["name"]: _property(field) for field in fields},
        "additionalProperties": False,
    }


def answer_model(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of what a model says of one record: the task's members of an answer."""
    members = tasks.of(contract).schema()
    return {
        "$schema": DRAFT,
        "title": f"{contract['event']['name']}_answer",
        "type": "object",
        "required": list(members),
        "properties": members,
    }


def batch_model(contract: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Schema of the envelope; its records are each a ``Record``, or are refused one by one."""
    return {
        "$schema": DRAFT,
        "title": f"{contract['event']['name']}_batch",
        "type": "object",
        "required": ["records"],
        "properties": {"records": {"type": "array", "minItems": 1, "maxItems": limit}},
        "additionalProperties": False,
    }


def _property(field: Mapping[str, Any]) -> dict[str, Any]:
    kind = TYPES[field["type"]]
    schema: dict[str, Any] = {"type": kind if field["required"] else [kind, "null"]}
    if classified(field):  # type: ignore[arg-type]
        return schema
    if field["type"] == "timestamp":
        schema["pattern"] = UTC_TIME
    schema |= {ours: field[key] for key, ours in LIMITS.items() if key in field}
    if "allowed" in field:
        # Each value once: draft 4 refuses a list with a value twice.
        schema["enum"] = [*dict.fromkeys(field["allowed"]), *([] if field["required"] else [None])]
    return schema
