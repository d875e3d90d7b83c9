"""Named queries of a template, which people open in the console and run."""

from __future__ import annotations

import json
from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, succeed

KIND = "AWS::Athena::NamedQuery"
pin(
    "ministack.services.athena",
    _create_named_query="callable",
    _delete_named_query="callable",
    _workgroups="scoped",
)


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    from ministack.services import athena

    group = properties.get("WorkGroup")
    if group is not None and group not in athena._workgroups:
        raise ValueError(f"{KIND}: WorkGroup {group} is not found.")
    request = {"Name": physical_name(stack, logical_id, 128), **properties}
    made = json.loads(succeed(KIND, athena._create_named_query(request)))
    return made["NamedQueryId"], {"NamedQueryId": made["NamedQueryId"]}


def _delete(physical_id: str, _properties: dict[str, Any]) -> None:
    from ministack.services import athena

    answer = athena._delete_named_query({"NamedQueryId": physical_id})
    succeed(KIND, answer, missing_is_fine=True)


def types() -> list[ResourceType]:
    """The type of this module; any change makes another query."""
    members = {"Name", "Database", "Description", "QueryString", "WorkGroup"}
    return [ResourceType(KIND, _create, _delete, create_only=frozenset(members))]
