"""What MiniStack leaves out of roles and secrets: the permissions boundary, and a secret's ``Ref``.

A role without its boundary would be allowed more here than on AWS. ``Ref`` of a secret is its ARN
on AWS and its name in MiniStack, so a policy made from it would match nothing.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.iam", _roles="scoped")
pin("ministack.services.secretsmanager", _secrets="scoped")

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


def _secret_name(physical_id: str) -> str:
    """MiniStack keeps secrets by name."""
    from ministack.services import secretsmanager

    for name, secret in secretsmanager._secrets.items():
        if secret["ARN"] == physical_id:
            return str(name)
    return physical_id


def _attach_secrets(entry: dict[str, Any]) -> None:
    create, update, delete = entry["create"], entry["update"], entry["delete"]

    def create_secret(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        _, attributes = create(logical_id, props, stack)
        return str(attributes["Arn"]), attributes

    def update_secret(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        _, attributes = update(_secret_name(physical_id), old, new, *rest)
        return str(attributes["Arn"]), attributes

    def delete_secret(physical_id: str, props: dict[str, Any]) -> None:
        delete(_secret_name(physical_id), props)

    entry.update(create=create_secret, update=update_secret, delete=delete_secret)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's provisioners of roles and secrets."""
    _attach_roles(tables.resource_handlers["AWS::IAM::Role"])
    _attach_secrets(tables.resource_handlers["AWS::SecretsManager::Secret"])
