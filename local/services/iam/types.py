"""``AWS::IAM::Role`` with its permissions boundary, which MiniStack's provisioner drops.

A role without its boundary would be allowed more here than on AWS.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.iam", _roles="scoped")

BOUNDARY = "PermissionsBoundary"


def _bind(role_name: str, props: dict[str, Any]) -> None:
    from ministack.services import iam

    role = iam._roles[role_name]
    if props.get(BOUNDARY):
        role[BOUNDARY] = props[BOUNDARY]
    else:
        role.pop(BOUNDARY, None)


def _attach_roles(entry: dict[str, Any]) -> None:
    create, update = entry["create"], entry["update"]

    def create_role(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        name, attributes = create(logical_id, props, stack)
        _bind(name, props)
        return name, attributes

    def update_role(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        name, attributes = update(physical_id, old, new, *rest)
        _bind(name, new)
        return name, attributes

    entry.update(create=create_role, update=update_role)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's provisioner of roles."""
    _attach_roles(tables.resource_handlers["AWS::IAM::Role"])
