"""``docs/aws-required-grants.yaml``: what AWS needs of a role, and nothing here ever asks for.

The local platform records every call, so a grant that no call used is surplus, unless it stands in
that table: with the principal, the action, the form of the resource, the condition and the page of
AWS that asks for it. What an optional capability needs stands in a file of that name of its own,
of the same form. A grant fits an entry only if all of these fit. A name in braces stands for
one name, never for a wildcard, so a widened statement no longer fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config.load import REPOSITORY
from stacks import registry

TABLE = REPOSITORY / "docs" / "aws-required-grants.yaml"
PLACEHOLDERS = {
    "partition": r"aws(?:-[a-z]+)*",
    "region": r"[a-z]{2}(?:-[a-z]+)+-\d",
    "account": r"\d{12}",
    # CloudFormation's names have no slash, the emulator's do.
    "log group": r"[^:*?]+",
}
ONE_NAME = r"[^:/*?]+"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

Conditions = tuple[tuple[str, str, tuple[str, ...]], ...]
"""Operator, key in lower case, values."""


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """One action on one resource of an Allow statement of a role, every reference a literal."""

    role: str
    """``<stack>/<logical id>``."""
    services: tuple[str, ...]
    """The service principals that its trust policy names."""
    action: str
    resource: str
    conditions: Conditions = ()


@dataclass(frozen=True, slots=True)
class RequiredGrant:
    """One entry: actions that a principal needs on resources of a form, under a condition."""

    integration: str
    principal: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions
    page: str
    why: str
    role: str = "*"
    """Pattern of ``<stack>/<logical id>``, where fewer roles than the principal's need it.

    ``training/…`` is each model's training stack.
    """
    proven_by: str = ""
    """``<file>::<test>`` that makes the call, for what only a failure brings about."""

    def fits(self, held: HeldGrant) -> bool:
        """Whether the grant is what this entry says, no more and no less restricted."""
        return (
            held.action in self.actions
            and self.principal in held.services
            and any(fnmatchcase(held.role, one) for one in self._roles)
            and self.form_of(held.resource) is not None
            and _same_conditions(self.conditions, held.conditions)
        )

    @property
    def _roles(self) -> tuple[str, str]:
        return self.role, self.role.replace("/", "-*/", 1)

    def form_of(self, resource: str) -> str | None:
        """The form that a resource has, if any."""
        return next((form for form in self.resources if has_form(resource, form)), None)


@dataclass(frozen=True, slots=True)
class GrantTable:
    """The table as a whole."""

    required: tuple[RequiredGrant, ...]
    """What AWS asks for and an emulator does not."""
    proven: tuple[RequiredGrant, ...]
    """What only a failure uses: a test makes the failure."""
    nothing_more: Mapping[str, str]
    """Integration → why every grant of it is exercised locally."""

    @property
    def entries(self) -> tuple[RequiredGrant, ...]:
        """Both kinds."""
        return self.required + self.proven

    @property
    def integrations(self) -> set[str]:
        """Every integration that the table speaks of."""
        return {entry.integration for entry in self.entries} | set(self.nothing_more)

    def find(self, held: HeldGrant) -> RequiredGrant | None:
        """The first entry that a grant fits."""
        return next((entry for entry in self.entries if entry.fits(held)), None)


@cache
def has_form(text: str, form: str) -> bool:
    """Whether a literal ARN or value has a form such as ``arn:{partition}:sqs:…:{queue}``."""
    return re.fullmatch(_expression(form), text) is not None


@cache
def _expression(form: str) -> str:
    parts = _PLACEHOLDER.split(form)
    return "".join(
        PLACEHOLDERS.get(part, ONE_NAME) if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )


def _same_conditions(forms: Conditions, held: Conditions) -> bool:
    wanted = {(operator, key): values for operator, key, values in forms}
    given = {(operator, key): values for operator, key, values in held}
    return wanted.keys() == given.keys() and all(
        all(any(has_form(value, form) for form in wanted[place]) for value in values)
        for place, values in given.items()
    )


def conditions_of(document: Mapping[str, Any] | None) -> Conditions:
    """A statement's ``Condition`` element in one order."""
    return tuple(
        sorted(
            (operator, key.lower(), _texts(values))
            for operator, keys in (document or {}).items()
            for key, values in keys.items()
        )
    )


def held_grants(
    role: str, services: Iterable[str], documents: Iterable[Mapping[str, Any]]
) -> Iterator[HeldGrant]:
    """What policies allow a role, one action and one resource at a time."""
    trusted = tuple(services)
    for document in documents:
        statements = document.get("Statement", [])
        for statement in [statements] if isinstance(statements, dict) else statements:
            if statement.get("Effect") != "Allow":
                continue
            resources = _texts(statement.get("Resource")) or ("*",)
            conditions = conditions_of(statement.get("Condition"))
            for action in _texts(statement.get("Action")):
                for resource in resources:
                    yield HeldGrant(role, trusted, action, resource, conditions)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)


def read_table(*paths: Path) -> GrantTable:
    """Read the table from its files.

    Raises:
        ValueError: an entry lacks a member or has one that is unknown; it names the entry.
    """
    required: list[RequiredGrant] = []
    proven: list[RequiredGrant] = []
    nothing_more: dict[str, str] = {}
    for path in paths:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        required += [_entry(given) for given in content.get("required", ())]
        proven += [_entry(given, "proven_by") for given in content.get("proven_by_tests", ())]
        nothing_more |= content.get("nothing_more", {})
    return GrantTable(tuple(required), tuple(proven), nothing_more)


@cache
def table() -> GrantTable:
    """The table of this repository, optional capabilities included."""
    return read_table(TABLE, *registry.files(TABLE.name))


_MEMBERS = {"integration", "principal", "actions", "resources", "condition", "page", "why"}


def _entry(given: dict[str, Any], *more: str) -> RequiredGrant:
    wanted = _MEMBERS | set(more)
    if given.keys() - {"role"} != wanted:
        raise ValueError(f"{given}: members are {', '.join(sorted(wanted))}, and maybe role")
    condition = given["condition"]
    return RequiredGrant(
        integration=given["integration"],
        principal=given["principal"],
        actions=tuple(given["actions"]),
        resources=tuple(given["resources"]),
        conditions=() if condition == "none" else conditions_of(condition),
        page=given["page"],
        why=given["why"],
        role=given.get("role", "*"),
        proven_by=given.get("proven_by", ""),
    )
