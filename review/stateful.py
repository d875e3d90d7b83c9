"""What would be lost, or could not be made: resources that hold state, and those with a fixed name.

A changed logical id makes a new, empty resource. So does a changed create-only property; which
properties those are, CloudFormation's own resource schemas say (they ship with cfn-lint). The new
one is made before the old one goes, so a name that both have stops the deploy.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from cfnlint.schema import (  # type: ignore[import-untyped]
    PROVIDER_SCHEMA_MANAGER,
    ResourceNotFoundError,
)

from config import resource_types
from review.assembly import Assembly, Resource
from review.resolve import plain

# The schemas differ between Regions in what exists, not in what replaces a resource.
_SCHEMA_REGION = "us-east-1"
_LONGEST = 120
_REPLACE = "UpdateReplacePolicy"


@dataclass(frozen=True, slots=True)
class Stateful:
    """A resource whose replacement loses what it holds, or is refused because of its name."""

    stack: str
    logical_id: str
    name: str
    type: str
    retention: str
    """What becomes of it when it leaves the stack: ``Delete``, ``Retain``, ``Snapshot``."""
    fixed: dict[str, str]
    """Create-only properties that are set: a new value makes a new resource."""
    physical_name: str = ""
    """The name that the template gives it; empty where CloudFormation makes one up."""

    @property
    def holds_state(self) -> bool:
        """Whether something is lost with it."""
        return resource_types.of(self.type).holds is not None


def stateful(assembly: Assembly) -> list[Stateful]:
    """Every resource that holds state or has a name of its own, by stack and logical id."""
    found = (_describe(assembly, resource) for resource in assembly.resources())
    return [item for item in found if item.holds_state or item.physical_name]


def _describe(assembly: Assembly, resource: Resource) -> Stateful:
    policies = {str(resource.body.get(p, "Delete")) for p in ("DeletionPolicy", _REPLACE)}
    return Stateful(
        stack=resource.stack,
        logical_id=resource.logical_id,
        name=resource.name,
        type=resource.type,
        retention="Retain" if policies == {"Retain"} else "/".join(sorted(policies)),
        fixed=_fixed(assembly, resource),
        physical_name=_physical_name(assembly, resource),
    )


def _physical_name(assembly: Assembly, resource: Resource) -> str:
    """The value of the create-only property that names the resource, if the template sets it."""
    kind = resource.type.rsplit("::", maxsplit=1)[-1]
    for pointer in create_only(resource.type):
        if pointer in (("Name",), (f"{kind}Name",)) and pointer[0] in resource.properties:
            return str(plain(assembly, resource.stack, resource.properties[pointer[0]]))
    return ""


def _fixed(assembly: Assembly, resource: Resource) -> dict[str, str]:
    found = {}
    for pointer in create_only(resource.type):
        value = _at(resource.properties, pointer)
        if value is not None:
            settled = plain(assembly, resource.stack, value)
            shown = settled if isinstance(settled, str) else json.dumps(settled, sort_keys=True)
            found["/".join(pointer)] = _short(shown)
    return dict(sorted(found.items()))


def _short(value: str) -> str:
    """Long values end in a digest: enough to see that one has changed."""
    if len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}… sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"


@cache
def create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """Paths of the properties whose change replaces a resource of this type."""
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_SCHEMA_REGION, resource_type).schema
    except ResourceNotFoundError:
        return ()
    pointers = schema.get("createOnlyProperties", [])
    return tuple(tuple(pointer.split("/")[2:]) for pointer in pointers)


def _at(value: Any, pointer: tuple[str, ...]) -> Any:
    for part in pointer:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value
