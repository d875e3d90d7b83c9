"""Glue: tables of Iceberg, as CreateTable and CloudFormation take them."""

from __future__ import annotations

from typing import Any

from local.emulator.refusals import Properties, refuses, refuses_change

TABLE = "AWS::Glue::Table"
OPERATION, VERSIONS = "CREATE", ("1", "2")
# The names of CloudFormation and of the API.
_DEFINITION = ("TableInput", "OpenTableFormatInput")
_OWN_INPUT = ("IcebergTableInput", "CreateIcebergTableInput")


def _iceberg(properties: Properties) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (properties.get("OpenTableFormatInput") or {}).get(
        "IcebergInput"
    )
    return found


def _table(properties: Properties) -> dict[str, Any]:
    return properties.get("TableInput") or {}


@refuses("glue-iceberg-operation", TABLE)
def _operation(properties: Properties) -> str | None:
    given = _iceberg(properties)
    if given is None:
        return None
    operation, version = given.get("MetadataOperation"), given.get("Version", "2")
    if operation != OPERATION:
        return f"MetadataOperation {operation}: allowed: {OPERATION}"
    return None if version in VERSIONS else f"Version {version}: allowed: {VERSIONS}"


@refuses("glue-iceberg-is-external", TABLE)
def _external(properties: Properties) -> str | None:
    kind = _table(properties).get("TableType")
    if _iceberg(properties) is None or kind == "EXTERNAL_TABLE":
        return None
    return f"Iceberg table type has to be EXTERNAL_TABLE, not {kind}"


@refuses("glue-iceberg-location", TABLE)
def _location(properties: Properties) -> str | None:
    if _iceberg(properties) is None:
        return None
    place = (_table(properties).get("StorageDescriptor") or {}).get("Location")
    if not place:
        return "Location information cannot be null while creating an iceberg table"
    if str(place).startswith("s3://") and str(place)[5:].strip("/"):
        return None
    return f"StorageDescriptor/Location {place}: allowed: s3://bucket/path"


@refuses("glue-iceberg-partitions", TABLE)
def _partitions(properties: Properties) -> str | None:
    if _iceberg(properties) is None or not _table(properties).get("PartitionKeys"):
        return None
    return "Cannot create partitions in an iceberg table: PartitionKeys; Spark adds them later"


@refuses("glue-iceberg-one-definition", TABLE)
def _one_definition(properties: Properties) -> str | None:
    given = [name for name in _OWN_INPUT if name in (_iceberg(properties) or {})]
    if not given:
        return None
    return f"Table metadata is expected only via TableInput, not in IcebergInput/{given[0]}"


@refuses("glue-iceberg-types", TABLE)
def _types(properties: Properties) -> str | None:
    from local.services.glue import hive_types

    if _iceberg(properties) is None:
        return None
    storage = _table(properties).get("StorageDescriptor") or {}
    try:
        hive_types.schema(storage.get("Columns") or [])
    except ValueError as error:
        return f"StorageDescriptor/Columns: {error}"
    return None


@refuses_change("glue-iceberg-is-not-updated", TABLE)
def _update(old: Properties, new: Properties) -> str | None:
    """AWS takes the update, and nobody can read the table afterwards."""
    before, after = _iceberg(old) is not None, _iceberg(new) is not None
    changed = any(old.get(name) != new.get(name) for name in _DEFINITION)
    if not (before or after) or _name(old) != _name(new) or not changed:
        return None
    if not before:
        return "An existing table does not become one of Iceberg; give it another name"
    return (
        "The update would take table_type and metadata_location from the table, and with them the "
        "table from its readers. Leave the definition as it was when the table was made; columns, "
        "partition fields and properties are changed by Spark's ALTER TABLE. Another name makes "
        "a new, empty table"
    )


def _name(properties: Properties) -> tuple[Any, ...]:
    named = _table(properties).get("Name") or properties.get("Name")
    return (properties.get("CatalogId"), properties.get("DatabaseName"), named)
