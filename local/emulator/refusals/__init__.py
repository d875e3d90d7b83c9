"""What AWS refuses when CloudFormation creates or updates a resource.

The emulator stores most properties as they come. AWS looks at them: the registry's schema first
(``schema``), then each service with rules that no schema holds (``refusals*.py`` in its folder of
``local/services``; here those that concern several). A rule is named after its row in
docs/fidelity.yaml, where its source stands, and gets the properties with every reference resolved.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

from local import services
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

Properties = dict[str, Any]
# properties -> why AWS refuses them, in its words where they are known; nothing if it does not
Rule = Callable[[Properties], str | None]
# properties before and after -> why AWS refuses the change
Change = Callable[[Properties, Properties], str | None]

_STACKS = "ministack.services.cloudformation.stacks"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
pin(_STACKS, _provision_resource="callable", _update_resource="callable")
pin(_PROVISIONERS, _property_recreation="callable")

_rules: dict[str, list[tuple[str, Rule]]] = {}
# Rules that look at what exists beside the resource; those of a change are kept apart.
_beside: dict[str, list[tuple[str, Rule]]] = {}
_changes: dict[str, list[tuple[str, Change]]] = {}


def refuses(row: str, *types: str) -> Callable[[Rule], Rule]:
    """Register a rule for resource types under its row of docs/fidelity.yaml."""

    def register(rule: Rule) -> Rule:
        for name in types:
            _rules.setdefault(name, []).append((row, rule))
        return rule

    return register


def refuses_beside(row: str, *types: str) -> Callable[[Rule], Rule]:
    """Register a rule that looks at the emulator's other resources, asked at creation."""

    def register(rule: Rule) -> Rule:
        for name in types:
            _beside.setdefault(name, []).append((row, rule))
        return rule

    return register


def refuses_change(row: str, *types: str) -> Callable[[Change], Change]:
    """Register a rule on a resource's properties before and after an update in place."""

    def register(rule: Change) -> Change:
        for name in types:
            _changes.setdefault(name, []).append((row, rule))
        return rule

    return register


def rules() -> dict[str, list[tuple[str, Rule]]]:
    """Every rule by resource type, after all modules with rules are imported."""
    _import_rules()
    return _rules


@cache
def _import_rules() -> None:
    for name in _names(services):
        for part in _names(importlib.import_module(name)):
            if part.rpartition(".")[2].startswith("refusals"):
                importlib.import_module(part)
    for name in _names(sys.modules[__name__]):
        importlib.import_module(name)


def _names(package: ModuleType) -> Iterator[str]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield module.name


def reasons(resource_type: str, properties: Properties) -> Iterator[tuple[str, str]]:
    """Row and reason of each refusal; the schema's come first, as CloudFormation asks it first."""
    from local.emulator.refusals import schema

    for message in schema.violations(resource_type, properties):
        yield schema.ROW, message
    yield from by_rules(resource_type, properties)


def by_rules(resource_type: str, properties: Properties) -> Iterator[tuple[str, str]]:
    """Row and reason of each refusal that no schema holds."""
    for row, rule in rules().get(resource_type, []):
        if reason := rule(properties):
            yield row, reason


def check(resource_type: str, logical_id: str | None, properties: Properties) -> None:
    """Raise ``ValueError`` with every reason for which AWS would refuse these properties."""
    found = [f"{reason} [{row}]" for row, reason in reasons(resource_type, properties)]
    if found:
        raise ValueError(f"{resource_type} {logical_id or ''}: {'; '.join(found)}")


def of_call(resource_type: str, request: Properties) -> str:
    """Why AWS refuses a call of the service itself, whose members are named as the type's are.

    Members that the type lacks are left out: ids, lock tokens, versions. Empty if it does not.
    """
    from local.emulator.refusals import schema

    known = (schema.resource_schema(resource_type) or {})["properties"]
    given = {name: value for name, value in request.items() if name in known}
    return "; ".join(f"{reason} [{row}]" for row, reason in reasons(resource_type, given))


def check_beside(resource_type: str, logical_id: str | None, properties: Properties) -> None:
    """Raise ``ValueError`` with the first reason that lies in what already exists."""
    rules()
    for row, rule in _beside.get(resource_type, []):
        if reason := rule(properties):
            raise ValueError(f"{resource_type} {logical_id or ''}: {reason} [{row}]")


def check_change(resource_type: str, name: str, old: Properties, new: Properties) -> None:
    """Raise ``ValueError`` with the first reason for which AWS would refuse this update."""
    rules()
    for row, rule in _changes.get(resource_type, []):
        if reason := rule(old, new):
            raise ValueError(f"{resource_type} {name}: {reason} [{row}]")


def rows_of_state() -> set[str]:
    """Rows of the rules on neighbours and on changes."""
    rules()
    return {row for found in (_beside, _changes) for named in found.values() for row, _ in named}


def attach(_tables: Tables) -> None:
    """Ask before each resource is provisioned and before each change of one, which replaces it
    if the registry's schema says so."""

    def provision(original: Callable[..., Any]) -> Callable[..., Any]:
        def asked(kind: str, logical_id: str, properties: Properties, *more: Any) -> Any:
            check(kind, logical_id, properties)
            check_beside(kind, logical_id, properties)
            return original(kind, logical_id, properties, *more)

        return asked

    def update(original: Callable[..., Any]) -> Callable[..., Any]:
        def asked(kind: str, physical_id: str, old: Properties, new: Properties, *more: Any) -> Any:
            if old != new:
                check(kind, physical_id, new)
                check_change(kind, physical_id, old, new)
            return original(kind, physical_id, old, new, *more)

        return asked

    def recreation(original: Callable[..., str]) -> Callable[..., str]:
        from local.emulator.refusals import schema

        def asked(kind: str, name: str) -> str:
            return "Always" if name in schema.create_only(kind) else original(kind, name)

        return asked

    replace(_PROVISIONERS, "_property_recreation", recreation)
    replace(_STACKS, "_provision_resource", provision)
    replace(_STACKS, "_update_resource", update)
