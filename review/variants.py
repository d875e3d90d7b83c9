"""Variants of the endpoints: under a deployment configuration an update keeps their names.

The way back from a deploy that fails is an update, too, under the former template's deployment
configuration. So names may change only where neither template has one.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from review.assembly import Assembly, Resource

ENDPOINT, CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"
_LISTS = ("ProductionVariants", "ShadowProductionVariants")


@dataclass(frozen=True, slots=True)
class Served:
    """One endpoint: names of its variants, and whether a deployment configuration guards it."""

    guarded: bool
    production: tuple[str, ...]
    shadow: tuple[str, ...] = ()


def served(assembly: Assembly) -> dict[str, Served]:
    """Every endpoint whose configuration stands in its own template, by construct path."""
    found = {}
    for endpoint in assembly.resources(ENDPOINT):
        config = _config(assembly, endpoint)
        if config is not None:
            production, shadow = (_names(config, members) for members in _LISTS)
            guarded = "DeploymentConfig" in endpoint.properties
            found[endpoint.name] = Served(guarded, production, shadow)
    return found


def differences(
    before: dict[str, Served], now: dict[str, Served]
) -> Iterator[tuple[str, str, str]]:
    """Kind, endpoint and detail of each change that AWS refuses, or that leaves it unguarded."""
    for name in sorted(before.keys() & now.keys()):
        old, new = before[name], now[name]
        refused = _refusal(old, new)
        if refused:
            yield "refused update", name, refused
        elif old.guarded and not new.guarded:
            yield "breaking", name, "no alarm takes an update back any more"


def _refusal(old: Served, new: Served) -> str:
    same = _every(old) == _every(new) and set(old.production) == set(new.production)
    if same or not (old.guarded or new.guarded):
        return ""
    what = "update" if new.guarded else "way back from a deploy that fails"
    return (
        f"variants {_told(old)} → {_told(new)}: the {what} is refused, it has a deployment "
        "configuration; allowed with one: the same names"
    )


def _every(one: Served) -> set[str]:
    return {*one.production, *one.shadow}


def _config(assembly: Assembly, endpoint: Resource) -> Resource | None:
    given = endpoint.properties.get("EndpointConfigName")
    if not isinstance(given, dict):
        return None
    attribute = given.get("Fn::GetAtt", [""])
    parts = attribute.split(".") if isinstance(attribute, str) else attribute
    return assembly.resource(endpoint.stack, given.get("Ref", parts[0]))


def _names(config: Resource, members: str) -> tuple[str, ...]:
    return tuple(str(one["VariantName"]) for one in config.properties.get(members, []))


def _told(one: Served) -> str:
    shadow = f" with shadow {', '.join(one.shadow)}" if one.shadow else ""
    return f"{', '.join(one.production)}{shadow}"
