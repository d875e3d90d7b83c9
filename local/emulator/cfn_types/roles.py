"""``AWS::IAM::Role`` with its permissions boundary.

MiniStack's provisioner drops ``PermissionsBoundary``; its evaluator honours one that is stored. With
it left out, every deployed role would be allowed more here than on AWS.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.iam", _roles="scoped", _policies="scoped")


def apply_boundary(role_name: str, props: dict[str, Any]) -> None:
    """Store the template's boundary on the role, or remove it; a missing policy fails."""
    from ministack.services import iam

    boundary = props.get("PermissionsBoundary")
    if boundary and not boundary.startswith("arn:aws:iam::aws:") and boundary not in iam._policies:
        raise ValueError(f"AWS::IAM::Role {role_name}: boundary {boundary} does not exist")
    role = iam._roles[role_name]
    if boundary:
        role["PermissionsBoundary"] = boundary
    else:
        role.pop("PermissionsBoundary", None)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's role provisioner."""
    entry = tables.resource_handlers["AWS::IAM::Role"]
    create, update = entry["create"], entry["update"]

    def create_role(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        created = create(logical_id, props, stack)
        apply_boundary(created[0], props)
        return created[0], created[1]

    def update_role(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        updated = update(physical_id, old, new, *rest)
        apply_boundary(updated[0], new)
        return updated[0], updated[1]

    entry.update(create=create_role, update=update_role)
