"""Budgets: names, limits, filters, subscribers."""

from __future__ import annotations

import re

from local.emulator.refusals import Properties, refuses

BUDGET = "AWS::Budgets::Budget"
_COSTED = ("COST", "USAGE")


@refuses("budget-name", BUDGET)
def _budget_name(properties: Properties) -> str | None:
    name = str(properties["Budget"].get("BudgetName", "x"))
    if re.fullmatch(r"[^:\\]{1,100}", name) and "/action/" not in name:
        return None
    return f"BudgetName {name}: up to 100 characters without ':', a back slash and /action/"


@refuses("budget-needs-limit", BUDGET)
def _limit(properties: Properties) -> str | None:
    budget = properties["Budget"]
    planned = ("BudgetLimit", "PlannedBudgetLimits", "AutoAdjustData")
    if budget["BudgetType"] not in _COSTED or any(name in budget for name in planned):
        return None
    return f"BudgetLimit is required for a budget of type {budget['BudgetType']}"


@refuses("budget-one-kind-of-filter", BUDGET)
def _filter(properties: Properties) -> str | None:
    budget = properties["Budget"]
    new = [name for name in ("FilterExpression", "Metrics") if name in budget]
    old = [name for name in ("CostFilters", "CostTypes") if name in budget]
    return f"{new} must not stand beside {old}" if new and old else None


@refuses("budget-subscribers", BUDGET)
def _subscribers(properties: Properties) -> str | None:
    notifications = properties.get("NotificationsWithSubscribers") or []
    if len(notifications) > 10:
        return f"A budget has at most 10 notifications, not {len(notifications)}"
    for entry in notifications:
        kinds = [subscriber["SubscriptionType"] for subscriber in entry["Subscribers"]]
        if not kinds or kinds.count("SNS") > 1 or kinds.count("EMAIL") > 10:
            return f"A notification has 1 SNS and 10 EMAIL subscribers at most, not {kinds}"
    return None
