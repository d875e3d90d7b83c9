"""Tables: keys, billing, encryption."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses

TABLE = "AWS::DynamoDB::Table"


def _keys(properties: Properties) -> list[list[dict[str, Any]]]:
    """Key schema of the table and of each index."""
    found = [properties["KeySchema"]]
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        found += [index["KeySchema"] for index in properties.get(kind) or []]
    return found


@refuses("table-attributes-are-keys", TABLE)
def _attributes(properties: Properties) -> str | None:
    used = {key["AttributeName"] for schema in _keys(properties) for key in schema}
    defined = {entry["AttributeName"] for entry in properties.get("AttributeDefinitions") or []}
    if used == defined:
        return None
    return (
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        f"AttributeDefinitions: {sorted(used)}, {sorted(defined)}"
    )


@refuses("table-key-order", TABLE)
def _order(properties: Properties) -> str | None:
    for schema in _keys(properties):
        kinds = [key["KeyType"] for key in schema]
        if kinds not in (["HASH"], ["HASH", "RANGE"]):
            return f"Invalid KeySchema: the first element is HASH, a second RANGE, not {kinds}"
    return None


@refuses("table-throughput-of-mode", TABLE)
def _throughput(properties: Properties) -> str | None:
    given = "ProvisionedThroughput" in properties
    on_demand = properties.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST"
    if given == on_demand:
        state = "can not be specified" if given else "must be specified"
        return f"ProvisionedThroughput {state} when BillingMode is {properties.get('BillingMode')}"
    return None


@refuses("table-key-needs-kms", TABLE)
def _key(properties: Properties) -> str | None:
    section = properties.get("SSESpecification") or {}
    kms = truth(section.get("SSEEnabled")) and section.get("SSEType", "KMS") == "KMS"
    if not section.get("KMSMasterKeyId") or kms:
        return None
    return "KMSMasterKeyId can not be specified unless SSEEnabled is true with SSEType KMS"


@refuses("table-name-form", TABLE)
def _name(properties: Properties) -> str | None:
    name = properties.get("TableName")
    if name is None or re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", str(name)):
        return None
    return f"TableName {name}: allowed: 3 to 255 letters, digits, '_', '.' and '-'"
