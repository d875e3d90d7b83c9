"""Backup plans and vaults, and budgets."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.refusals import Properties, refuses

PLAN, VAULT, BUDGET = (
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupVault",
    "AWS::Budgets::Budget",
)
COLD_DAYS = 90
CONTINUOUS_DAYS = 35
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_COSTED = ("COST", "USAGE")


def _rules(properties: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (properties.get("BackupPlan") or {}).get("BackupPlanRule", [])
    return found


@refuses("backup-cold-storage-days", PLAN)
def _cold(properties: Properties) -> str | None:
    for rule in _rules(properties):
        kept = rule.get("Lifecycle") or {}
        cold, end = kept.get("MoveToColdStorageAfterDays"), kept.get("DeleteAfterDays")
        if cold is not None and end is not None and int(end) < int(cold) + COLD_DAYS:
            return (
                f"DeleteAfterDays {end}: it cannot be less than {COLD_DAYS} days apart from "
                f"MoveToColdStorageAfterDays {cold}"
            )
    return None


@refuses("backup-continuous-days", PLAN)
def _continuous(properties: Properties) -> str | None:
    for rule in _rules(properties):
        end = (rule.get("Lifecycle") or {}).get("DeleteAfterDays")
        on = str(rule.get("EnableContinuousBackup", False)).lower() == "true"
        if on and (end is None or not 1 <= int(end) <= CONTINUOUS_DAYS):
            return f"DeleteAfterDays {end}: allowed with continuous backups: 1 to {CONTINUOUS_DAYS}"
    return None


@refuses("backup-windows", PLAN)
def _windows(properties: Properties) -> str | None:
    for rule in _rules(properties):
        start = rule.get("StartWindowMinutes")
        if start is not None and int(start) < 60:
            return f"StartWindowMinutes {start}: it must be at least 60 minutes"
    return None


@refuses("backup-schedule", PLAN)
def _schedule(properties: Properties) -> str | None:
    for rule in _rules(properties):
        given = rule.get("ScheduleExpression")
        if given is not None and not _CRON.fullmatch(str(given)):
            return f"ScheduleExpression {given}: allowed: cron with six fields"
    return None


@refuses("backup-rule-name", PLAN)
def _name(properties: Properties) -> str | None:
    for rule in _rules(properties):
        if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,50}", str(rule["RuleName"])):
            return f"RuleName {rule['RuleName']}: allowed: 1 to 50 letters, digits, '-_.'"
    return None


@refuses("vault-lock-days", VAULT)
def _lock(properties: Properties) -> str | None:
    lock = properties.get("LockConfiguration") or {}
    low, high = lock.get("MinRetentionDays"), lock.get("MaxRetentionDays")
    grace = lock.get("ChangeableForDays")
    if grace is not None and int(grace) < 3:
        return f"ChangeableForDays {grace}: allowed: 3 or greater"
    if low is not None and high is not None and int(low) > int(high):
        return f"MaxRetentionDays {high} must not be less than MinRetentionDays {low}"
    return None


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
