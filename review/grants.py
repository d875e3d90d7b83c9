"""What a policy statement lets whom do, and when one statement lies within another.

The comparison is about sets of requests: a statement covers another if every request that the
other matches is matched by it too. It errs towards saying no, so a change it does not understand
is reported rather than passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

Kind = Literal["identity", "trust", "boundary", "resource", "endpoint"]
EXCEPT = "all except: "
"""Marks the members of ``NotAction``, ``NotResource`` and ``NotPrincipal``."""


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """One condition of a statement: operator, key, values."""

    operator: str
    key: str
    values: tuple[str, ...]

    def covers(self, other: Condition) -> bool:
        """Whether whatever fulfils ``other`` fulfils this too."""
        if (self.operator, self.key.lower()) != (other.operator, other.key.lower()):
            return False
        mine, theirs = set(self.values), set(other.values)
        return theirs >= mine if "Not" in self.operator else theirs <= mine

    def __str__(self) -> str:
        return f"{self.operator} {self.key} = {' | '.join(self.values)}"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One statement of one policy."""

    holder: str
    """The role, or the resource whose policy it is."""
    kind: Kind
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = field(default=())

    def atoms(self) -> Iterator[Grant]:
        """The same, one action, resource and principal at a time."""
        for action in self.actions:
            for resource in self.resources or ("",):
                for principal in self.principals or ("",):
                    yield replace(
                        self,
                        actions=(action,),
                        resources=(resource,) if resource else (),
                        principals=(principal,) if principal else (),
                    )

    def covers(self, other: Grant) -> bool:
        """Whether this statement matches every request that ``other`` matches."""
        return (
            (self.holder, self.kind, self.effect) == (other.holder, other.kind, other.effect)
            and _all_within(other.actions, self.actions, fold=True)
            and _all_within(other.resources, self.resources)
            and _all_within(other.principals, self.principals)
            and all(any(mine.covers(its) for its in other.conditions) for mine in self.conditions)
        )


def _all_within(these: Iterable[str], those: tuple[str, ...], *, fold: bool = False) -> bool:
    return all(any(_within(this, that, fold=fold) for that in those) for this in these)


def _within(this: str, that: str, *, fold: bool) -> bool:
    if that in {this, "*"}:
        return True
    if this.startswith(EXCEPT) or that.startswith(EXCEPT):
        return False
    if fold:
        this, that = this.lower(), that.lower()
    return fnmatchcase(this, that.replace("[", "[[]"))


def statements(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy document, also when there is only one."""
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return [found] if isinstance(found, dict) else list(found)


def parse(holder: str, kind: Kind, statement: dict[str, Any]) -> Grant:
    """A statement whose references are text already."""
    return Grant(
        holder=holder,
        kind=kind,
        effect=str(statement.get("Effect", "Allow")),
        actions=_member(statement, "Action"),
        resources=_member(statement, "Resource"),
        principals=_principals(statement),
        conditions=tuple(sorted(_conditions(statement.get("Condition", {})))),
    )


def as_list(value: Any) -> list[str]:
    """IAM lets a single value stand for a list."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]


def _member(statement: dict[str, Any], name: str) -> tuple[str, ...]:
    if f"Not{name}" in statement:
        return (EXCEPT + ", ".join(sorted(as_list(statement[f"Not{name}"]))),)
    return tuple(sorted(set(as_list(statement.get(name)))))


def _principals(statement: dict[str, Any]) -> tuple[str, ...]:
    name = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    given = statement.get(name)
    if given is None:
        return ()
    if isinstance(given, str):
        found = [given]
    else:
        found = [value for values in given.values() for value in as_list(values)]
    if name == "NotPrincipal":
        return (EXCEPT + ", ".join(sorted(found)),)
    return tuple(sorted(found))


def _conditions(document: dict[str, Any]) -> Iterator[Condition]:
    for operator, keys in document.items():
        for key, values in keys.items():
            yield Condition(operator, key, tuple(sorted(set(as_list(values)))))
