"""Which service integrations the templates use: what may make AWS ask more of a role.

Derived from whoever is given a role, from the properties beside it, and from the tasks of state
machines. What this module has no name for gets one made of its type and property, so a new
integration is never passed over: ``docs/aws-required-grants.yaml`` has to speak of each name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from config import resource_types
from config.resource_types import Integrations
from review.assembly import Assembly, Resource
from review.concrete import literal
from review.integration_calls import JOBS, TASK_PREFIX, TRUST_ONLY

Values = Mapping[str, Any]


def integrations(assembly: Assembly) -> dict[str, list[str]]:
    """Integration → the resources that use it."""
    found: dict[str, set[str]] = {}
    given = _given_roles(assembly)
    for resource in assembly.resources():
        names = set(_of_resource(assembly, resource, given.get(resource.name, set())))
        for name in names:
            found.setdefault(name, set()).add(resource.name)
    for name, role in _never_given(assembly, given):
        found.setdefault(name, set()).add(role)
    return {name: sorted(resources) for name, resources in sorted(found.items())}


def _of_resource(assembly: Assembly, resource: Resource, paths: set[str]) -> Iterator[str]:
    kind, known = resource.type, resource_types.of(resource.type).integrations
    yield from (name for member, name in known.always.items() if member in resource.properties)
    if kind == "AWS::StepFunctions::StateMachine":
        yield from _of_machine(assembly, resource)
    if kind == "AWS::Events::Rule":
        yield from _of_rule(assembly, resource)
    elif kind == "AWS::Lambda::EventSourceMapping":
        source = str(literal(assembly, resource.stack, resource.properties.get("EventSourceArn")))
        yield f"Lambda event source {source.split(':')[2]}"
    elif paths or known.role_of_another:
        properties = literal(assembly, resource.stack, resource.properties)
        yield from _of_properties(kind, known, properties)


def _of_properties(kind: str, known: Integrations, properties: Values) -> Iterator[str]:
    """A name for each property that does not stand among the neutral ones of its type."""
    for path, value in _flat(known, properties):
        if not any(fnmatchcase(path, pattern) for pattern in known.neutral):
            yield _filled(known.names.get(path, f"{kind} {path}"), value)


def _flat(known: Integrations, properties: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in properties.items():
        path = f"{prefix}{name}"
        if path in known.inside and isinstance(value, Mapping):
            yield from _flat(known, value, f"{path}.")
        else:
            yield path, value


def _filled(name: str, value: Any) -> str:
    if "{called}" in name:
        return name.replace("{called}", _called(str(value)))
    return name.replace("{value}", str(value))


def _called(arn: str) -> str:
    """``glue:startJobRun`` of a universal target, else the service."""
    universal = "aws-sdk:"
    return arn.split(universal, 1)[1] if universal in arn else arn.split(":")[2]


def _of_rule(assembly: Assembly, rule: Resource) -> Iterator[str]:
    """Targets that a rule calls with a role; others are reached by their own policies."""
    for target in rule.properties.get("Targets", []):
        if "RoleArn" in target:
            arn = str(literal(assembly, rule.stack, target["Arn"]))
            yield f"EventBridge target {arn.split(':')[2]}"


def _of_machine(assembly: Assembly, machine: Resource) -> Iterator[str]:
    text = literal(assembly, machine.stack, machine.properties["DefinitionString"])
    for state in _tasks(json.loads(text)):
        task = str(state["Resource"])
        api = task.rsplit(":::", 1)[-1] if TASK_PREFIX in task else f"activity {task}"
        yield f"Step Functions {api}"
        job = api.removesuffix(".sync")
        if job in JOBS:
            yield from _of_properties(job, JOBS[job], _arguments(state))


def _arguments(state: Values) -> dict[str, Any]:
    """What a task sends, without the marks of paths and intrinsics."""
    given = state.get("Parameters") or state.get("Arguments") or {}
    return {name.removesuffix(".$"): value for name, value in given.items()}


def _tasks(machine: Values) -> Iterator[Values]:
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        inner = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for part in filter(None, inner):
            yield from _tasks(part)


def _given_roles(assembly: Assembly) -> dict[str, set[str]]:
    """Resource → roles that its properties name, IAM's own resources aside."""
    found: dict[str, set[str]] = {}
    for resource in assembly.resources():
        if resource.type.startswith("AWS::IAM::"):
            continue
        # A function's variables name roles to pass on, they give it none.
        properties = {k: v for k, v in resource.properties.items() if k != "Environment"}
        names = set(_roles_in(assembly, resource.stack, properties))
        if names:
            found[resource.name] = names
    return found


def _roles_in(assembly: Assembly, stack: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _roles_in(assembly, stack, item)
    elif isinstance(value, dict):
        if set(value) == {"Fn::GetStackOutput"}:
            source = value["Fn::GetStackOutput"]
            stack = assembly.stack_names[source["StackName"]]
            value = assembly.templates[stack]["Outputs"][source["OutputName"]]["Value"]
        referred = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
        resource = assembly.resource(stack, str(referred))
        if resource is not None and resource.type == "AWS::IAM::Role":
            yield resource.name
        for item in value.values():
            yield from _roles_in(assembly, stack, item)


def _never_given(assembly: Assembly, given: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Roles that no property names: whoever calls an API passes them."""
    used = {name for names in given.values() for name in names}
    for role in assembly.resources("AWS::IAM::Role"):
        if role.name not in used:
            trust = json.dumps(role.properties["AssumeRolePolicyDocument"])
            named = [name for service, name in TRUST_ONLY.items() if service in trust]
            yield (named or [f"a role that no property names: {role.name}"])[0], role.name
