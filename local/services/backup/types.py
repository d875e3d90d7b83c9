"""``AWS::Backup::BackupSelection``: which resources a plan copies, and with which role.

State is kept in MiniStack's own service. Nothing is copied on a schedule here; what AWS checks when
it is given the selection is checked: the plan exists and the role trusts AWS Backup.
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import role_trust, service_roles
from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import succeed

KIND = "AWS::Backup::BackupSelection"
SERVICE = "backup.amazonaws.com"
pin("ministack.services.backup", _create_selection="callable", _delete_selection="callable")


def _create(_logical: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    from ministack.services import backup

    plan, selection = props["BackupPlanId"], props["BackupSelection"]
    try:
        role_trust.assert_trusted(selection["IamRoleArn"], SERVICE)
    except service_roles.AccessDeniedError as error:
        raise ValueError(f"{KIND}: {error}") from error
    answer = backup._create_selection(plan, {"BackupSelection": selection})
    identifier = json.loads(succeed(KIND, answer))["SelectionId"]
    attributes = {"Id": identifier, "SelectionId": identifier, "BackupPlanId": plan}
    return f"{identifier}_{plan}", attributes


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import backup

    identifier, _, plan = physical_id.partition("_")
    succeed(KIND, backup._delete_selection(plan, identifier), missing_is_fine=True)


def types() -> list[ResourceType]:
    """The type; every property is create-only."""
    properties = frozenset({"BackupPlanId", "BackupSelection"})
    return [ResourceType(KIND, _create, _delete, create_only=properties)]
