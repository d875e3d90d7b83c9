"""What runs where: functions, jobs and endpoints with their security groups, subnets and roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from review.assembly import Assembly, Resource
from review.resolve import plain, text


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """Code that runs with a role; without a group it runs outside the VPC."""

    name: str
    kind: str
    role: str
    groups: tuple[str, ...]
    subnets: tuple[str, ...]


def workloads(assembly: Assembly) -> list[Workload]:
    """Every workload of the templates, jobs that state machines start among them."""
    return sorted(
        {
            *_attached(assembly, "AWS::Lambda::Function", "function", "Role", "SubnetIds"),
            *_attached(
                assembly, "AWS::SageMaker::Model", "endpoint", "ExecutionRoleArn", "Subnets"
            ),
            *_glue_jobs(assembly),
            *_started_jobs(assembly),
        }
    )


def _names(values: Any) -> tuple[str, ...]:
    return tuple(sorted(str(value).strip("<>") for value in values or []))


def _attached(
    assembly: Assembly, resource_type: str, kind: str, role: str, subnets: str
) -> Iterator[Workload]:
    """Resources with a ``VpcConfig``; ``role`` and ``subnets`` are the properties' names."""
    for resource in assembly.resources(resource_type):
        given = plain(assembly, resource.stack, resource.properties)
        place = given.get("VpcConfig", {})
        yield Workload(
            name=resource.name,
            kind=kind,
            role=str(given[role]).strip("<>"),
            groups=_names(place.get("SecurityGroupIds")),
            subnets=_names(place.get(subnets)),
        )


def _glue_jobs(assembly: Assembly) -> Iterator[Workload]:
    connections = {r.name: r for r in assembly.resources("AWS::Glue::Connection")}
    for resource in assembly.resources("AWS::Glue::Job"):
        given = plain(assembly, resource.stack, resource.properties)
        used = [
            _connection(assembly, connections[name])
            for name in _names(given.get("Connections", {}).get("Connections"))
            if name in connections
        ]
        yield Workload(
            name=resource.name,
            kind="Glue job",
            role=str(given["Role"]).strip("<>"),
            groups=_names(g for place in used for g in place.get("SecurityGroupIdList", [])),
            subnets=_names(place["SubnetId"] for place in used if "SubnetId" in place),
        )


def _connection(assembly: Assembly, resource: Resource) -> dict[str, Any]:
    given = plain(assembly, resource.stack, resource.properties)
    found: dict[str, Any] = given["ConnectionInput"].get("PhysicalConnectionRequirements", {})
    return found


def _started_jobs(assembly: Assembly) -> Iterator[Workload]:
    """SageMaker jobs are no resources: their place is in the state that starts them."""
    for resource in assembly.resources("AWS::StepFunctions::StateMachine"):
        given = resource.properties
        source = given.get("DefinitionString", given.get("Definition", {}))
        written = text(assembly, resource.stack, source)
        for name, state in _states(json.loads(written)):
            request = state.get("Parameters") or state.get("Arguments") or {}
            if "RoleArn" not in request or "sagemaker" not in str(state.get("Resource", "")):
                continue
            place = request.get("VpcConfig") or request.get("NetworkConfig", {}).get("VpcConfig")
            place = place or {}
            yield Workload(
                name=f"{resource.name}/{name}",
                kind="SageMaker job",
                role=str(request["RoleArn"]).strip("<>"),
                groups=_names(place.get("SecurityGroupIds")),
                subnets=_names(place.get("Subnets")),
            )


def _states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """States of a machine with those of its branches and iterators."""
    for name, state in definition.get("States", {}).items():
        yield name, state
        inner = [*state.get("Branches", []), state.get("Iterator"), state.get("ItemProcessor")]
        for branch in inner:
            if branch:
                yield from _states(branch)
