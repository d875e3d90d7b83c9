"""Lifecycle rules of a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses

BUCKET = "AWS::S3::Bucket"
INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
_ACTIONS = {
    "AbortIncompleteMultipartUpload", "ExpirationDate", "ExpirationInDays",
    "ExpiredObjectDeleteMarker", "NoncurrentVersionExpiration", "NoncurrentVersionExpirationInDays",
    "NoncurrentVersionTransition", "NoncurrentVersionTransitions", "Transition", "Transitions",
}  # fmt: skip
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")


def _rules(properties: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (properties.get("LifecycleConfiguration") or {}).get("Rules", [])
    return found


def _moves(rule: dict[str, Any], name: str) -> list[tuple[int, str]]:
    """Days and storage class of each transition."""
    entries = rule.get(name) or []
    return [(int(e["TransitionInDays"]), e["StorageClass"]) for e in entries if "StorageClass" in e
            and "TransitionInDays" in e]  # fmt: skip


def _all_moves(properties: Properties) -> Iterator[list[tuple[int, str]]]:
    for rule in _rules(properties):
        yield _moves(rule, "Transitions")
        yield _moves(rule, "NoncurrentVersionTransitions")


@refuses("lifecycle-infrequent-access-days", BUCKET)
def _thirty_days(properties: Properties) -> str | None:
    for moves in _all_moves(properties):
        for days, kind in moves:
            if kind in INFREQUENT and days < 30:
                return (
                    "'Days' in Transition action must be greater than or equal to 30 for "
                    f"storageClass '{kind}', not {days}"
                )
    return None


@refuses("lifecycle-transitions-apart", BUCKET)
def _apart(properties: Properties) -> str | None:
    for moves in _all_moves(properties):
        for early, kind in moves:
            later = [(days, to) for days, to in moves if to not in INFREQUENT]
            for days, to in later:
                if kind in INFREQUENT and days < early + 30:
                    return (
                        f"'Days' in the 'Transition' action for StorageClass '{to}' must be 30 "
                        f"days more than in the one for '{kind}': {days} after {early}"
                    )
    return None


@refuses("lifecycle-expires-after-transition", BUCKET)
def _after(properties: Properties) -> str | None:
    for rule in _rules(properties):
        old = rule.get("NoncurrentVersionExpiration") or {}
        for name, end in (
            ("Transitions", rule.get("ExpirationInDays")),
            ("NoncurrentVersionTransitions", old.get("NoncurrentDays")),
        ):
            last = max((days for days, _ in _moves(rule, name)), default=None)
            if end is not None and last is not None and int(end) <= last:
                return (
                    "'Days' in the Expiration action must be greater than 'Days' in the "
                    f"Transition action: {end} after {last}"
                )
    return None


@refuses("lifecycle-abort-takes-no-filter", BUCKET)
def _abort(properties: Properties) -> str | None:
    for rule in _rules(properties):
        if "AbortIncompleteMultipartUpload" not in rule:
            continue
        if rule.get("TagFilters"):
            return "AbortIncompleteMultipartUpload cannot be specified with Tags."
        if any(name in rule for name in _SIZES):
            return "AbortIncompleteMultipartUpload cannot be specified with Object Size"
    return None


@refuses("lifecycle-delete-marker-alone", BUCKET)
def _marker(properties: Properties) -> str | None:
    for rule in _rules(properties):
        if not truth(rule.get("ExpiredObjectDeleteMarker")):
            continue
        beside = {"ExpirationInDays", "ExpirationDate"} & set(rule)
        if beside:
            return f"ExpiredObjectDeleteMarker must not stand beside {sorted(beside)}"
        if rule.get("TagFilters"):
            return "ExpiredObjectDeleteMarker cannot be specified with Tags."
    return None


@refuses("lifecycle-days-positive", BUCKET)
def _positive(properties: Properties) -> str | None:
    for rule in _rules(properties):
        old = (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays", 1)
        for days in (rule.get("ExpirationInDays", 1), old):
            if int(days) < 1:
                return f"'Days' for Expiration action must be a positive integer, not {days}"
    return None


@refuses("lifecycle-rule-acts", BUCKET)
def _acts(properties: Properties) -> str | None:
    if all(_ACTIONS & set(rule) for rule in _rules(properties)):
        return None
    return "At least one action needs to be specified in a rule"


@refuses("lifecycle-ids-unique", BUCKET)
def _ids(properties: Properties) -> str | None:
    names = [rule["Id"] for rule in _rules(properties) if "Id" in rule]
    twice = sorted({name for name in names if names.count(name) > 1})
    return (
        f"Rule ID must be unique. Found same ID for more than one rule: {twice}" if twice else None
    )
