"""Keys of the standard that would do nothing here, refused with what does.

Who writes ``unique: true`` counts on it. Keys that tell people something (descriptions, tags,
owners, servers, prices) promise nothing and may stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)

from config.contract import custom_properties
from config.problems import Location
from config.wording import Finding

_CHECKS = "required, enum, logicalTypeOptions or notAfter, which every record is held to"
_OF_A_FIELD = {
    "quality": _CHECKS,
    "relationships": "the entityKey, by which labels join events",
    "encryptedName": "classification with treatment pseudonymise",
    "transformSourceObjects": "a column of the producer; values are stored as they come",
    "transformLogic": "a column of the producer; values are stored as they come",
    "properties": "a field of its own for each part",
    "items": "a field of its own for each part",
    "map": "a field of its own for each part",
}
_OF_AN_OBJECT = {
    "quality": f"on its fields {_CHECKS}",
    "relationships": "the entityKey, by which labels join events",
}
_OF_A_SERVICE_LEVEL = {
    "valueExt": "value",
    "scheduler": "the schedules of the settings",
    "schedule": "the schedules of the settings",
}
# Keys that only the field of one role may have, and the value that they then must have.
_OF_A_ROLE = (
    ("primaryKey", "entityKey", True),
    ("primaryKeyPosition", "entityKey", 1),
    ("unique", "entityKey", True),
    ("partitioned", "eventTime", True),
    ("partitionKeyPosition", "eventTime", 1),
)


def keys_without_effect(contract: OpenDataContractStandard) -> Iterator[Finding]:
    """Every key of objects, fields and service levels that nothing reads."""
    if contract.slaDefaultElement is not None:
        yield _nothing(
            ("slaDefaultElement",), contract.slaDefaultElement, "element of each promise"
        )
    for index, sla in enumerate(contract.slaProperties or []):
        yield from _given(sla, _OF_A_SERVICE_LEVEL, ("slaProperties", index))
    for index, schema in enumerate(contract.schema_ or []):
        here: Location = ("schema", index)
        yield from _given(schema, _OF_AN_OBJECT, here)
        for key, only in (("logicalType", "object"), ("physicalType", "table")):
            value = getattr(schema, key)
            if value not in (None, only):
                yield (*here, key), value, f"allowed: {only}"
        for position, prop in enumerate(schema.properties or []):
            yield from _of_a_field(prop, (*here, "properties", position))


def _nothing(location: Location, value: object, instead: str) -> Finding:
    return location, value, f"has no effect; allowed instead: {instead}"


def _given(
    holder: SchemaObject | SchemaProperty | ServiceLevelAgreementProperty,
    instead: dict[str, str],
    location: Location,
) -> Iterator[Finding]:
    for key, other in instead.items():
        value = getattr(holder, key)
        if value is not None:
            # The value itself may be a page long.
            yield _nothing((*location, key), key, other)


def _of_a_field(prop: SchemaProperty, location: Location) -> Iterator[Finding]:
    yield from _given(prop, _OF_A_FIELD, location)
    if prop.physicalName not in (None, prop.name):
        yield _nothing((*location, "physicalName"), prop.physicalName, f"name, {prop.name}")
    role = custom_properties(prop.customProperties).get("mlRole")
    for key, wanted, value in _OF_A_ROLE:
        found = getattr(prop, key)
        if role == wanted and found not in (None, value):
            yield (*location, key), found, f"allowed with mlRole {role}: {json.dumps(value)}"
        elif role != wanted and found not in (None, False):
            yield _nothing((*location, key), found, f"{key} on the field with mlRole {wanted} only")
