"""Replication rules of a bucket."""

from __future__ import annotations

from typing import Any

from local.emulator.refusals import Properties, refuses
from local.services.s3.refusals import _on
from local.services.s3.refusals_lifecycle import BUCKET


def _rules(properties: Properties) -> list[dict[str, Any]]:
    section = properties.get("ReplicationConfiguration") or {}
    found: list[dict[str, Any]] = section.get("Rules", [])
    return found


@refuses("replication-needs-versions", BUCKET)
def _versions(properties: Properties) -> str | None:
    if not _rules(properties) or _on(properties.get("VersioningConfiguration")):
        return None
    return "Versioning must be 'Enabled' on the bucket to apply a replication configuration"


@refuses("replication-filter-needs-priority", BUCKET)
def _priority(properties: Properties) -> str | None:
    rules = _rules(properties)
    for rule in rules:
        missing = [n for n in ("Priority", "DeleteMarkerReplication") if n not in rule]
        if "Filter" in rule and missing:
            return f"{missing[0]} must be specified for this version of Replication configuration"
    given = [str(rule["Priority"]) for rule in rules if "Priority" in rule]
    if len(set(given)) < len(given):
        return f"Found duplicate priorities in the rules: {given}"
    return None


@refuses("replication-tags-keep-markers", BUCKET)
def _tags(properties: Properties) -> str | None:
    for rule in _rules(properties):
        given = rule.get("Filter") or {}
        tagged = "TagFilter" in given or (given.get("And") or {}).get("TagFilters")
        if tagged and _on(rule.get("DeleteMarkerReplication")):
            return "Delete marker replication is not supported if any Tag filter is specified"
    return None


@refuses("replication-of-encrypted-needs-key", BUCKET)
def _key(properties: Properties) -> str | None:
    for rule in _rules(properties):
        selected = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects")
        key = (rule["Destination"].get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
        if _on(selected) and not key:
            return "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."
        if key and selected is None:
            return "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present."
    return None


@refuses("replication-time-needs-metrics", BUCKET)
def _time(properties: Properties) -> str | None:
    for rule in _rules(properties):
        destination = rule["Destination"]
        if _on(destination.get("ReplicationTime")) and not _on(destination.get("Metrics")):
            return "ReplicationTime needs Metrics Enabled with an EventThreshold of 15 minutes"
    return None


@refuses("replication-owner-needs-account", BUCKET)
def _owner(properties: Properties) -> str | None:
    for rule in _rules(properties):
        destination = rule["Destination"]
        if "AccessControlTranslation" in destination and not destination.get("Account"):
            return "Account must be specified if AccessControlTranslation is present"
    return None
