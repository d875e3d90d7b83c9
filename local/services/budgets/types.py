"""``AWS::Budgets::Budget``, kept in MiniStack's own service so that its API answers."""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, scope, succeed, tag_list

pin("ministack.services.budgets", _create_budget="callable", _delete_budget="callable")

Created = tuple[str, dict[str, Any]]


def _budget_request(name: str, props: dict[str, Any]) -> dict[str, Any]:
    budget = dict(props["Budget"]) | {"BudgetName": name}
    if limit := budget.get("BudgetLimit"):
        budget["BudgetLimit"] = {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}
    notifications = [
        {
            "Notification": dict(entry["Notification"])
            | {"Threshold": float(entry["Notification"]["Threshold"])},
            "Subscribers": entry["Subscribers"],
        }
        for entry in props.get("NotificationsWithSubscribers") or []
    ]
    account, _ = scope()
    return {
        "AccountId": account, "Budget": budget, "NotificationsWithSubscribers": notifications,
        "ResourceTags": tag_list(props, "ResourceTags"),
    }  # fmt: skip


def _create_budget(logical_id: str, props: dict[str, Any], stack: str) -> Created:
    from ministack.services import budgets

    name = props["Budget"].get("BudgetName") or physical_name(stack, logical_id, 100)
    answer = budgets._create_budget(_budget_request(name, props))
    succeed(f"AWS::Budgets::Budget {name}", answer)
    return name, {}


def _update_budget(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> Created:
    from ministack.services import budgets

    _delete_budget(physical_id, {})
    answer = budgets._create_budget(_budget_request(physical_id, new))
    succeed(f"AWS::Budgets::Budget {physical_id}", answer)
    return physical_id, {}


def _delete_budget(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import budgets

    answer = budgets._delete_budget({"BudgetName": physical_id})
    succeed("AWS::Budgets::Budget", answer, missing_is_fine=True)


def types() -> list[ResourceType]:
    """The types of this module."""
    return [
        ResourceType("AWS::Budgets::Budget", _create_budget, _delete_budget, update=_update_budget)
    ]
