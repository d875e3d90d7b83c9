"""What this app deploys is nothing that AWS refuses, and two deployments share no name."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulator import refusals
from local.emulator.refusals import schema
from review import concrete
from review.assembly import Assembly
from tests import synth

# Roles and policies that one role has: AWS counts what its resources attach together.
POLICIES_OF_ROLE = 10


def _assembly(environment: str) -> Assembly:
    return Assembly.read(synth.assembly(environment))


@pytest.mark.parametrize("environment", synth.ENVIRONMENTS)
def test_no_resource_is_refused(environment: str) -> None:
    assembly = _assembly(environment)
    refused = {
        f"{stack}/{logical_id}": dict(refusals.reasons(resource["Type"], properties))
        for stack, logical_id, resource in synth.resources(environment)
        for properties in [
            concrete.literal(assembly, synth.stack_id(stack), resource.get("Properties", {}))
        ]
    }
    assert {name: reasons for name, reasons in refused.items() if reasons} == {}


@pytest.mark.parametrize("environment", synth.ENVIRONMENTS)
def test_no_role_has_more_policies_than_a_role_takes(environment: str) -> None:
    assembly = _assembly(environment)
    attached: dict[str, int] = {}
    for name, logical_id, role in synth.resources(environment, "AWS::IAM::Role"):
        stack = synth.stack_id(name)
        given = role["Properties"].get("ManagedPolicyArns", [])
        attached[concrete.literal(assembly, stack, {"Fn::GetAtt": [logical_id, "Arn"]})] = len(
            given
        )
    for stack, _, policy in synth.resources(environment, "AWS::IAM::ManagedPolicy"):
        given = policy["Properties"].get("Roles", [])
        for role in concrete.literal(assembly, synth.stack_id(stack), given):
            arn = f"arn:aws:iam::{concrete.ACCOUNT}:role/{role}"
            attached[arn] = attached.get(arn, 0) + 1
    assert {role: n for role, n in attached.items() if n > POLICIES_OF_ROLE} == {}


def _names(environment: str) -> set[tuple[str, Any]]:
    """Type and name of each resource whose template names it and that has no parent."""
    found = set()
    for _, _, resource in synth.resources(environment):
        identifier = (schema.resource_schema(resource["Type"]) or {}).get("primaryIdentifier", [])
        if len(identifier) != 1:
            continue
        name = resource.get("Properties", {}).get(identifier[0].removeprefix("/properties/"))
        if isinstance(name, str):
            found.add((resource["Type"], name))
    return found


def test_deployments_in_one_account_share_no_name() -> None:
    both = _names("dev") & _names("prod")
    assert _names("prod")
    assert both == set()
