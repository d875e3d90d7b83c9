"""Glue: table optimizers, as CreateTableOptimizer and CloudFormation take them."""

from __future__ import annotations

from typing import Any

from local import iceberg_tables
from local.emulator.private_tables import pin
from local.emulator.refusals import Properties, refuses, refuses_beside

OPTIMIZER = "AWS::Glue::TableOptimizer"
pin("ministack.services.glue", _tables="scoped")
# Type -> its configuration, and whether it has to be given.
CONFIGURATIONS = {
    "compaction": ("CompactionConfiguration", False),
    "retention": ("RetentionConfiguration", True),
    "orphan_file_deletion": ("OrphanFileDeletionConfiguration", True),
}


@refuses("glue-optimizer-configuration", OPTIMIZER)
def _fits(properties: Properties) -> str | None:
    kind, given = properties.get("Type"), properties.get("TableOptimizerConfiguration") or {}
    if kind not in CONFIGURATIONS:
        return None
    own, needed = CONFIGURATIONS[kind]
    others = [name for name, _ in CONFIGURATIONS.values() if name != own and name in given]
    if others:
        return f"{others[0]} does not go with the Type {kind}; allowed: {own}"
    return f"{own} is required with the Type {kind}" if needed and own not in given else None


@refuses("glue-optimizer-location", OPTIMIZER)
def _location(properties: Properties) -> str | None:
    given = properties.get("TableOptimizerConfiguration") or {}
    settings = (given.get("OrphanFileDeletionConfiguration") or {}).get("IcebergConfiguration")
    place = (settings or {}).get("Location")
    if place is None or str(place).startswith("s3://"):
        return None
    return f"Location {place}: allowed: a directory of the table, s3://bucket/path"


@refuses_beside("glue-optimizer-needs-iceberg", OPTIMIZER)
def _iceberg(properties: Properties) -> str | None:
    from ministack.services import glue

    name = f"{properties.get('DatabaseName')}/{properties.get('TableName')}"
    entry: dict[str, Any] | None = glue._tables.get(name)
    if entry is None:
        return f"Table {name} does not exist"
    if iceberg_tables.metadata_place(entry) is None:
        return f"Table {name} is none of Iceberg; optimizers take others not"
    return None


@refuses_beside("glue-optimizer-once", OPTIMIZER)
def _once(properties: Properties) -> str | None:
    from local.services.glue import optimizers

    if optimizers.key_of(properties) not in optimizers.STORED:
        return None
    return f"Table {properties.get('TableName')} has an optimizer of the Type {properties['Type']}"
