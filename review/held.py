"""What each role of the templates holds, statement by statement, with every reference a literal.

The same form in which the local platform reads deployed policies, so that one table,
``docs/aws-required-grants.yaml``, is laid against both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.required_grants import HeldGrant, held_grants
from review.assembly import Assembly, Resource
from review.concrete import literal
from review.iam import Role, roles, sharers
from review.resolve import text

POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy")


def held(assembly: Assembly) -> list[HeldGrant]:
    """Every grant of every role's identity policies."""
    by_name = {role.name: role for role in roles(assembly)}
    return [
        grant
        for name, document in _documents(assembly)
        if name in by_name
        for grant in _of(by_name[name], document)
    ]


def place(role: Role) -> str:
    """The role as the table's patterns name it."""
    return f"{role.stack}/{role.logical_id}"


def _of(role: Role, document: Any) -> Iterator[HeldGrant]:
    return held_grants(place(role), role.trusted, [document])


def _documents(assembly: Assembly) -> Iterator[tuple[str, Any]]:
    """Role name and policy document, once for each role that has the policy."""
    shared = sharers(assembly)
    for policy in assembly.resources(*POLICIES):
        document = literal(assembly, policy.stack, policy.properties["PolicyDocument"])
        for name in [*_holders(assembly, policy), *shared.get(policy.name, [])]:
            yield name, document
    for role in assembly.resources("AWS::IAM::Role"):
        for inline in role.properties.get("Policies", []):
            yield role.name, literal(assembly, role.stack, inline["PolicyDocument"])


def _holders(assembly: Assembly, policy: Resource) -> list[str]:
    given = policy.properties
    names = [*given.get("Roles", []), *([given["RoleName"]] if "RoleName" in given else [])]
    return [text(assembly, policy.stack, name).strip("<>") for name in names]
