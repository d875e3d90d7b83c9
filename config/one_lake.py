"""What the models of a deployment have to agree on: they read the same records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.problems import Problem
from config.rules import broken_by_all
from config.settings import Settings
from config.source import Source

Model = tuple[Settings, Mapping[str, Any]]
"""Settings and compiled contract."""

# Of the compiled contract; what is shown to people may differ.
SHARED = ("event", "label", "retention_days", "label_latency_hours")
_SHOWN = frozenset({"description", "example"})
_FIELD, _ABSENT = "a field", "nothing"


def problems(models: Sequence[Model], sources: Sequence[Source]) -> list[Problem]:
    """What several models cannot have together; of one model nothing can be said here."""
    (first, contract), *others = models
    if not others:
        return []
    found = broken_by_all([settings for settings, _ in models], sources[0])
    for (_, other), source in zip(others, sources[1:], strict=True):
        for place, mine, theirs in _differences(contract, other):
            found.append(
                source.problem(
                    ("contract",),
                    f"its {place} is {theirs}; allowed: {mine}, like the contract of "
                    f"{first.model}, for one lake holds the records of both",
                )
            )
    return found


def _differences(one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    for what in SHARED:
        yield from _between(one[what], other[what], what)


def _between(one: Any, other: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Places at which two documents differ, and what each has there."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {**one, **other}:
            if key not in _SHOWN:
                yield from _between(one.get(key), other.get(key), f"{place}.{key}")
    elif _named(one) and _named(other):
        mine, theirs = ({item["name"]: item for item in items} for items in (one, other))
        for name in {**mine, **theirs}:
            if name in mine and name in theirs:
                yield from _between(mine[name], theirs[name], f"{place}[{name}]")
            else:
                here, there = (_FIELD if name in items else _ABSENT for items in (mine, theirs))
                yield f"{place}[{name}]", here, there
        if set(mine) == set(theirs) and list(mine) != list(theirs):
            yield f"order of {place}", ", ".join(mine), ", ".join(theirs)
    elif one != other:
        yield place, _text(one), _text(other)


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and "name" in item for item in value
    )


def _text(value: object) -> str:
    return _ABSENT if value is None else str(value)
