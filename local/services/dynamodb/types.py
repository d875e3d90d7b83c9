"""``AWS::DynamoDB::Table``: a stack deletes through DeleteTable, which protection refuses.

MiniStack's provisioner drops a protected table without asking.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin
from local.emulator.provisioning import succeed

pin("ministack.services.dynamodb", _delete_table="callable")


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import dynamodb

    answer = dynamodb._delete_table({"TableName": physical_id})
    succeed(f"AWS::DynamoDB::Table {physical_id}", answer, missing_is_fine=True)


def attach(tables: Tables) -> None:
    """Replace MiniStack's deletion."""
    tables.resource_handlers["AWS::DynamoDB::Table"]["delete"] = _delete
