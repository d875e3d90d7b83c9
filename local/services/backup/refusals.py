"""Backup plans and vaults."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.refusals import Properties, refuses

PLAN, VAULT = "AWS::Backup::BackupPlan", "AWS::Backup::BackupVault"
COLD_DAYS = 90
CONTINUOUS_DAYS = 35
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")


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
