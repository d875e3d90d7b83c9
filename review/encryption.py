"""Every store and stream and the key it lies under.

A service-owned key is no key of ours: it is flagged, and its reason is the acknowledgement beside
the resource or an entry of ``docs/review/service-owned-keys.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from config import resource_types
from config.load import REPOSITORY
from config.resource_types import Place
from review.assembly import Assembly, Resource
from review.findings import Acknowledgement
from review.resolve import text

REASONS = REPOSITORY / "docs" / "review" / "service-owned-keys.yaml"
SERVICE_OWNED = "service-owned"
_JOBS = ("TrainingJobName", "ProcessingJobName")
_CATALOG = "AWS::Glue::DataCatalogEncryptionSettings"


@dataclass(frozen=True, slots=True, order=True)
class Encrypted:
    """One thing at rest and its key."""

    name: str
    type: str
    what: str
    key: str
    reason: str = ""
    """Why the key is not ours; empty for our own keys and where nobody gave a reason."""
    evidence: str = ""

    @property
    def ours(self) -> bool:
        """Whether the key is one of the deployment's customer-managed keys."""
        return self.key != SERVICE_OWNED


def encryption_map(
    assembly: Assembly, acknowledgements: Iterable[Acknowledgement] = ()
) -> list[Encrypted]:
    """All stores and streams with their keys, by name."""
    known = list(acknowledgements)
    found = [
        _explained(item, known)
        for item in (*_stores(assembly), *_catalog(assembly), *_job_volumes(assembly))
    ]
    return sorted(found)


def _stores(assembly: Assembly) -> Iterator[Encrypted]:
    for resource in assembly.resources():
        for what, place in resource_types.of(resource.type).encrypted.items():
            if _exists(resource.properties, place):
                yield from _store(assembly, resource, what, place)


def _store(assembly: Assembly, resource: Resource, what: str, place: Place) -> Iterator[Encrypted]:
    keys = {
        text(assembly, resource.stack, value).strip("<>")
        for value in _values(resource.properties, place.key.split("/"))
    }
    for key in sorted(keys) or [SERVICE_OWNED]:
        yield Encrypted(resource.name, resource.type, what, key)


def _exists(properties: dict[str, Any], place: Place) -> bool:
    """Whether the resource has such a store at all: a cache that is off, a backup not kept."""
    path, _, value = place.given.partition("=")
    if not path:
        return True
    given = list(_values(properties, path.split("/")))
    return given == [value] if value else any(given)


def _values(value: Any, place: list[str]) -> Iterator[Any]:
    if not place:
        yield value
    elif place[0] == "*":
        for item in value if isinstance(value, list) else []:
            yield from _values(item, place[1:])
    elif isinstance(value, dict) and place[0] in value:
        yield from _values(value[place[0]], place[1:])


def _catalog(assembly: Assembly) -> Iterator[Encrypted]:
    """The metadata of tables lies in the account's one Data Catalog."""
    keys = [
        text(assembly, resource.stack, value).strip("<>")
        for resource in assembly.resources(_CATALOG)
        for value in _values(
            resource.properties,
            ["DataCatalogEncryptionSettings", "EncryptionAtRest", "SseAwsKmsKeyId"],
        )
    ]
    for database in assembly.resources("AWS::Glue::Database"):
        yield Encrypted(
            database.name, database.type, "table definitions", keys[0] if keys else SERVICE_OWNED
        )


def _job_volumes(assembly: Assembly) -> Iterator[Encrypted]:
    """Volumes and output of jobs that state machines start, from the states' own requests."""
    for machine in assembly.resources("AWS::StepFunctions::StateMachine"):
        written = text(assembly, machine.stack, machine.properties.get("DefinitionString", "{}"))
        for state, request in _requests(json.loads(written)):
            name = f"{machine.name}/{state}"
            for what, member in (("job volume", "VolumeKmsKeyId"), ("job output", "KmsKeyId")):
                for key in sorted(set(_members(request, member))) or [SERVICE_OWNED]:
                    yield Encrypted(name, "SageMaker job", what, key.strip("<>"))


def _requests(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in document.get("States", {}).items():
        request = state.get("Parameters") or state.get("Arguments") or {}
        if "RoleArn" in request and any(key.startswith(_JOBS) for key in request):
            yield name, request
        for branch in (*state.get("Branches", []), state.get("ItemProcessor", {})):
            yield from _requests(branch)


def _members(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _members(item, name)


def _explained(item: Encrypted, acknowledgements: list[Acknowledgement]) -> Encrypted:
    if item.ours:
        return item
    for known in acknowledgements:
        if "Encryption" in known.rule and item.name.startswith(known.path):
            constraint, evidence, _ = known.parts
            return replace(item, reason=constraint, evidence=evidence)
    for entry in _reasons():
        same = (entry["type"], entry["what"]) == (item.type, item.what)
        if same and item.name.startswith(entry.get("path", "")):
            return replace(item, reason=entry["reason"], evidence=entry["evidence"])
    return item


def _reasons() -> list[dict[str, str]]:
    if not REASONS.is_file():
        return []
    found: list[dict[str, str]] = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    return found
