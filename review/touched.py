"""Resources of two assemblies that differ, by the properties that do.

``review.changes`` names what a change can do; what it has no class for (a memory size, a period)
must be seen too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from review.assembly import Assembly
from review.masked import reviewed

SHORT = 40
Key = tuple[str, str]
"""Construct path and type: the logical id of an API's deployment changes with its content."""


@dataclass(frozen=True, slots=True)
class Touched:
    """One resource that differs."""

    name: str
    type: str
    what: str
    """``new``, ``gone``, or the properties that differ."""


def resources(before: Assembly, now: Assembly) -> list[Touched]:
    """By name, then type."""
    old, new = _bodies(before), _bodies(now)
    return [
        Touched(*key, what)
        for key in sorted(old.keys() | new.keys())
        if (what := _what(old.get(key), new.get(key)))
    ]


def _bodies(assembly: Assembly) -> dict[Key, dict[str, Any]]:
    return {
        (assembly.name(stack, logical_id), body["Type"]): body
        for stack, template in assembly.templates.items()
        for logical_id, body in reviewed(template)["Resources"].items()
    }


def _what(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    if old is None or new is None:
        return "new" if old is None else "gone"
    before, after = (body | body["Properties"] | {"Properties": None} for body in (old, new))
    keys = sorted(before.keys() | after.keys())
    return ", ".join(
        _told(key, before.get(key), after.get(key))
        for key in keys
        if before.get(key) != after.get(key)
    )


def _told(key: str, was: Any, becomes: Any) -> str:
    """Numbers and words with both values; what has parts by its name."""
    if any(isinstance(value, dict | list) or len(str(value)) > SHORT for value in (was, becomes)):
        return key
    return f"{key} {_word(was)} → {_word(becomes)}"


def _word(value: Any) -> str:
    return "unset" if value is None else str(value)
