"""Say what a changed template does, so that a review starts with what can hurt.

Classes, worst first: ``data loss`` (a stateful resource leaves or loses its retention),
``privilege`` (a policy, trust or key policy changes), ``replacement`` (a logical id moves),
``acknowledgement`` (a compliance finding is newly accepted), ``change`` and ``addition``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config import resource_types

_POLICY_KEYS = ("PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy", "ManagedPolicyArns")
_CLASSES = ("data loss", "privilege", "replacement", "acknowledgement", "change", "addition")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two templates."""

    kind: str
    logical_id: str
    resource_type: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.logical_id} ({self.resource_type}): {self.detail}"


def classify(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Differences of two templates' resources, worst class first."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    changes = [
        *_left(old, new),
        *(_arrived(name, new[name]) for name in new if name not in old),
        *(change for name in old if name in new for change in _changed(name, old[name], new[name])),
    ]
    return sorted(changes, key=lambda change: (_CLASSES.index(change.kind), change.logical_id))


def _holds(resource_type: str) -> bool:
    return resource_types.of(resource_type).holds is not None


def _left(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for name in old:
        if name in new:
            continue
        kind = "data loss" if _holds(old[name]["Type"]) else "replacement"
        yield Change(kind, name, old[name]["Type"], "no longer in the template")


def _arrived(name: str, resource: dict[str, Any]) -> Change:
    policy = any(key in resource.get("Properties", {}) for key in _POLICY_KEYS)
    return Change("privilege" if policy else "addition", name, resource["Type"], "new")


def _changed(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    kind = old["Type"]
    if kind != new["Type"]:
        worst = "data loss" if _holds(kind) else "replacement"
        yield Change(worst, name, kind, f"becomes {new['Type']}")
        return
    for key in sorted({*old, *new} - {"Type", "Properties", "Metadata"}):
        if old.get(key) != new.get(key):
            lost = old.get(key) == "Retain" and _holds(kind)
            detail = f"{key} is {new.get(key)!r}, was {old.get(key)!r}"
            yield Change("data loss" if lost else "change", name, kind, detail)
    before, after = old.get("Properties", {}), new.get("Properties", {})
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield Change("privilege" if key in _POLICY_KEYS else "change", name, kind, key)
    yield from _accepted(name, old, new)


def _accepted(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    before, after = old.get("Metadata", {}), new.get("Metadata", {})
    for key in sorted({*before, *after} - {"aws:cdk:path", "aws:asset:path"}):
        if before.get(key) != after.get(key):
            kind = "acknowledgement" if "nag" in key.lower() or "valid" in key.lower() else "change"
            yield Change(kind, name, new["Type"], f"metadata {key}")
