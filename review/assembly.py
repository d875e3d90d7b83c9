"""A cloud assembly as a reviewer reads it: resources under the names of their constructs.

Logical ids say little and change with a refactoring; construct paths (``training/Functions/Gate``)
are what the code and the findings use, so everything on the page is named by them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from operations.assembly import STACK_ARTIFACT

LOGICAL_ID = "aws:cdk:logicalId"
ACKNOWLEDGED = "aws:cdk:acknowledged-rules"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template."""

    stack: str
    """Short name of the stack: ``data-lake``."""
    logical_id: str
    name: str
    """Construct path without CDK's ``/Resource`` at the end."""
    type: str
    properties: dict[str, Any]
    body: dict[str, Any] = field(repr=False)
    """The whole resource: policies of deletion and replacement, metadata."""


@dataclass(frozen=True)
class Assembly:
    """Templates by short stack name, and what their logical ids are called in the code."""

    templates: dict[str, dict[str, Any]]
    stack_names: dict[str, str]
    """CloudFormation's stack name → short name: what ``Fn::GetStackOutput`` refers by."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """(short stack name, logical id) → construct path."""

    @classmethod
    def read(cls, folder: Path) -> Assembly:
        """Read what a synth wrote to ``folder``."""
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
        templates, stack_names = {}, {}
        names: dict[tuple[str, str], str] = {}
        for stack, artifact in sorted(artifacts.items()):
            if artifact["type"] != STACK_ARTIFACT:
                continue
            properties = artifact["properties"]
            templates[stack] = json.loads((folder / properties["templateFile"]).read_text())
            stack_names[properties.get("stackName", stack)] = stack
            names |= {(stack, key): path for key, path in _paths(folder, stack, artifact)}
        return cls(templates, stack_names, names)

    def name(self, stack: str, logical_id: str) -> str:
        """Construct path of a logical id; ids outside the tree keep their own name."""
        return self.names.get((stack, logical_id), f"{stack}/{logical_id}")

    @cached_property
    def _by_id(self) -> dict[tuple[str, str], Resource]:
        return {
            (stack, logical_id): Resource(
                stack=stack,
                logical_id=logical_id,
                name=self.name(stack, logical_id),
                type=body["Type"],
                properties=body.get("Properties", {}),
                body=body,
            )
            for stack, template in sorted(self.templates.items())
            for logical_id, body in sorted(template.get("Resources", {}).items())
        }

    def resource(self, stack: str, logical_id: str) -> Resource | None:
        """The resource of a logical id, None for parameters and pseudo parameters."""
        return self._by_id.get((stack, logical_id))

    def resources(self, *types: str) -> Iterator[Resource]:
        """Resources of the given types, or all, by stack and logical id."""
        for resource in self._by_id.values():
            if not types or resource.type in types:
                yield resource

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources by type."""
        found: dict[str, int] = {}
        for resource in self.resources():
            found[resource.type] = found.get(resource.type, 0) + 1
        return dict(sorted(found.items()))


def acknowledged(folder: Path) -> set[tuple[str, str]]:
    """Rule and construct path of each acknowledgement that a synth with or without packs wrote."""
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    return {
        (rule.removeprefix("Annotation::"), path.strip("/"))
        for stack, artifact in artifacts.items()
        if artifact["type"] == STACK_ARTIFACT
        for path, entries in _metadata(folder, stack, artifact).items()
        for entry in entries
        if entry["type"] == ACKNOWLEDGED
        for rule in entry["data"]
    }


def _paths(folder: Path, stack: str, artifact: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Logical id and construct path of each resource, from the artifact's metadata."""
    for path, entries in _metadata(folder, stack, artifact).items():
        for entry in entries:
            if entry["type"] == LOGICAL_ID:
                yield entry["data"], path.strip("/").removesuffix("/Resource")


def _metadata(folder: Path, stack: str, artifact: dict[str, Any]) -> dict[str, Any]:
    """What the constructs of a stack say of themselves, by construct path."""
    found: dict[str, Any] | None = artifact.get("metadata")
    if found is not None:
        return found
    path = folder / artifact.get("additionalMetadataFile", f"{stack}.metadata.json")
    return json.loads(path.read_text()) if path.is_file() else {}
