"""The facts that a review accepts, small enough to be read in a diff.

``docs/review/<environment>.baseline.yaml`` holds them as last reviewed. Facts are taken from the
templates only, so the same commit always gives the same file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from config.load import REPOSITORY
from review.assembly import Assembly
from review.findings import Acknowledgement
from review.grants import Condition, Grant
from review.iam import grants, roles
from review.interface import interface
from review.network import Opening, openings
from review.stateful import Stateful, stateful
from review.variants import Served, served

_LINE = 90
BASELINES = REPOSITORY / "docs" / "review"
HEADER = """\
# What was last reviewed of the templates of {environment}: privileges, network openings, stateful
# resources, variants, promises to callers, acknowledged findings, resources by type. Written by
# `make review ENV={environment} ACCEPT=yes`; the diff of this file is what a reviewer approves.
"""


class _Line(list[str]):
    """A list that stands on one line of the file."""


class _Dumper(yaml.SafeDumper):
    """Block style, a fact a line, so that a diff shows facts."""


def _represent_line(dumper: yaml.SafeDumper, line: _Line) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", line, flow_style=True)


_Dumper.add_representer(_Line, _represent_line)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a change is judged by."""

    environment: str
    resources: dict[str, int]
    boundaries: dict[str, str]
    """Role → its permissions boundary."""
    grants: tuple[Grant, ...]
    openings: tuple[Opening, ...]
    stateful: tuple[Stateful, ...]
    endpoints: dict[str, Served]
    interface: dict[str, str]
    acknowledgements: tuple[tuple[str, str], ...]
    """Rule and construct path."""


def collect(
    environment: str,
    assembly: Assembly,
    contract: dict[str, Any],
    acknowledgements: Iterable[Acknowledgement],
) -> Facts:
    """The facts of one deployment as it is now."""
    return Facts(
        environment=environment,
        resources=assembly.counts,
        boundaries={role.name: role.boundary for role in roles(assembly)},
        grants=tuple(grants(assembly)),
        openings=tuple(openings(assembly)),
        stateful=tuple(stateful(assembly)),
        endpoints=served(assembly),
        interface=interface(assembly, contract),
        acknowledgements=tuple(sorted({(a.rule, a.path) for a in acknowledgements})),
    )


def baseline_path(environment: str) -> Path:
    """Where the reviewed facts of an environment stand."""
    return BASELINES / f"{environment}.baseline.yaml"


def write(facts: Facts, path: Path) -> None:
    """Accept the facts as reviewed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(_document(facts), Dumper=_Dumper, sort_keys=False, width=1000)
    path.write_text(HEADER.format(environment=facts.environment) + text, encoding="utf-8")


def read(path: Path) -> Facts | None:
    """The facts as last reviewed; None before the first review."""
    if not path.is_file():
        return None
    return _facts(yaml.safe_load(path.read_text(encoding="utf-8")))


def _document(facts: Facts) -> dict[str, Any]:
    by_rule: dict[str, list[str]] = {}
    for rule, path in facts.acknowledgements:
        by_rule.setdefault(rule, []).append(path)
    by_holder: dict[str, list[dict[str, Any]]] = {}
    for grant in facts.grants:
        by_holder.setdefault(f"{grant.kind} {grant.holder}", []).append(_grant_document(grant))
    return {
        "environment": facts.environment,
        "resources": facts.resources,
        "boundaries": facts.boundaries,
        "openings": [
            _Line([o.kind, o.subject, o.peer, *([o.ports] if o.ports else [])])
            for o in facts.openings
        ],
        "endpoints": {name: _served_document(one) for name, one in facts.endpoints.items()},
        "interface": facts.interface,
        "stateful": {
            f"{item.stack}.{item.logical_id}": {
                "type": item.type,
                "name": item.name,
                "retention": item.retention,
                **({"named": item.physical_name} if item.physical_name else {}),
                **({"fixed": item.fixed} if item.fixed else {}),
            }
            for item in facts.stateful
        },
        "grants": by_holder,
        "acknowledgements": by_rule,
    }


def _served_document(one: Served) -> dict[str, Any]:
    shadow = {"shadow": _Line(one.shadow)} if one.shadow else {}
    return {"guarded": one.guarded, "production": _Line(one.production), **shadow}


def _short(values: tuple[str, ...]) -> list[str]:
    return _Line(values) if sum(map(len, values)) < _LINE else list(values)


def _grant_document(grant: Grant) -> dict[str, Any]:
    document: dict[str, Any] = {grant.effect.lower(): _short(grant.actions)}
    if grant.principals:
        document["to"] = _short(grant.principals)
    if grant.resources:
        document["resources"] = _short(grant.resources)
    if grant.conditions:
        document["when"] = [_Line([c.operator, c.key, *c.values]) for c in grant.conditions]
    return document


def _facts(document: dict[str, Any]) -> Facts:
    return Facts(
        environment=document["environment"],
        resources=document["resources"],
        boundaries=document["boundaries"],
        grants=tuple(
            sorted(
                _grant(holder, statement)
                for holder, statements in document["grants"].items()
                for statement in statements
            )
        ),
        openings=tuple(sorted(Opening(*opening) for opening in document["openings"])),
        stateful=tuple(_stateful(key, item) for key, item in document["stateful"].items()),
        # Missing in baselines that were accepted before variants were among the facts.
        endpoints={
            name: Served(one["guarded"], tuple(one["production"]), tuple(one.get("shadow", ())))
            for name, one in document.get("endpoints", {}).items()
        },
        interface=document["interface"],
        acknowledgements=tuple(
            sorted(
                (rule, path)
                for rule, paths in document["acknowledgements"].items()
                for path in paths
            )
        ),
    )


def _grant(key: str, document: dict[str, Any]) -> Grant:
    kind, _, holder = key.partition(" ")
    effect = "Allow" if "allow" in document else "Deny"
    return Grant(
        holder=holder,
        kind=kind,  # type: ignore[arg-type]
        effect=effect,
        actions=tuple(document[effect.lower()]),
        resources=tuple(document.get("resources", ())),
        principals=tuple(document.get("to", ())),
        conditions=tuple(
            Condition(operator, key, tuple(values))
            for operator, key, *values in document.get("when", ())
        ),
    )


def _stateful(key: str, document: dict[str, Any]) -> Stateful:
    stack, _, logical_id = key.rpartition(".")
    return Stateful(
        stack=stack,
        logical_id=logical_id,
        name=document["name"],
        type=document["type"],
        retention=document["retention"],
        fixed=document.get("fixed", {}),
        physical_name=document.get("named", ""),
    )
