"""What is to be deployed, and whom to ask about the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.settings import Settings
from operations.deployed import Deployed, NotRead

Client = Callable[[str, str], Any]
"""A client by service and Region."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One deploy that is about to start."""

    settings: Settings
    assembly: Mapping[str, Any]
    """Templates by stack name."""
    deployed: Deployed | NotRead
    """What is there now."""
    bootstrap: tuple[str, int]
    """SSM parameter with the bootstrap's version, and the version that the assembly needs."""
    client_of: Client

    def client(self, service: str, region: str | None = None) -> Any:
        """A client in the Region of the deploy, or in another."""
        return self.client_of(service, region or self.settings.region)

    def resources(self, kind: str) -> Iterator[dict[str, Any]]:
        """Properties of every resource of a type in all templates."""
        for template in self.assembly.values():
            for resource in template["Resources"].values():
                if resource["Type"] == kind:
                    yield resource.get("Properties", {})

    def added(self, kind: str) -> int:
        """How many more resources of a type there will be than there are."""
        wanted = sum(1 for _ in self.resources(kind))
        return max(wanted - len(self.deployed.of_type(kind)), 0)

    def definitions(self) -> Iterator[dict[str, Any]]:
        """Every state machine's definition; what only AWS knows reads ``unknown`` in it."""
        for machine in self.resources("AWS::StepFunctions::StateMachine"):
            yield json.loads(text_of(machine["DefinitionString"]))


def text_of(value: Any) -> str:
    """A template's text with ``unknown`` for each part that is resolved on deployment."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return str(separator).join(text_of(part) for part in parts)
    return "unknown"
