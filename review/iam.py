"""Who may do what: every policy of the templates as grants.

Identity policies are listed under each role they are attached to, shared ones under all of them,
trust policies and permissions boundaries beside them; bucket, key, queue, topic and function
policies under their resource.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from review.assembly import Assembly, Resource
from review.grants import EXCEPT, Grant, Kind, as_list, parse, statements
from review.resolve import plain, text

# Property that holds the policy, property that names its resource ("" = the resource itself).
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy", "SecretId"),
    "AWS::ApiGateway::RestApi": ("Policy", ""),
    "AWS::DynamoDB::Table": ("ResourcePolicy", ""),
    "AWS::Events::EventBusPolicy": ("Statement", "EventBusName"),
    "AWS::Logs::ResourcePolicy": ("PolicyDocument", ""),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupPolicy", ""),
}


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what limits it besides its policies."""

    name: str
    logical_id: str
    stack: str
    path: str
    boundary: str
    trusted: tuple[str, ...]


def roles(assembly: Assembly) -> list[Role]:
    """Every role of the templates."""
    found = []
    for resource in assembly.resources("AWS::IAM::Role"):
        given = resource.properties
        trust = statements(plain(assembly, resource.stack, given["AssumeRolePolicyDocument"]))
        trusted = {p for s in trust for p in parse(resource.name, "trust", s).principals}
        boundary = text(assembly, resource.stack, given.get("PermissionsBoundary", ""))
        found.append(
            Role(
                name=resource.name,
                logical_id=resource.logical_id,
                stack=resource.stack,
                path=text(assembly, resource.stack, given.get("Path", "/")),
                boundary=boundary.strip("<>"),
                trusted=tuple(sorted(trusted)),
            )
        )
    return sorted(found, key=lambda role: role.name)


def grants(assembly: Assembly) -> list[Grant]:
    """Every statement of every policy, in a stable order."""
    boundaries = {role.boundary for role in roles(assembly)}
    found = [
        *_role_grants(assembly),
        *_policy_grants(assembly, boundaries),
        *_resource_grants(assembly),
        *_invocations(assembly),
        *_endpoint_grants(assembly),
    ]
    return sorted(set(found))


def _parsed(
    assembly: Assembly, resource: Resource, holder: str, kind: Kind, document: Any
) -> Iterator[Grant]:
    for statement in statements(plain(assembly, resource.stack, document)):
        yield parse(holder, kind, statement)


def _role_grants(assembly: Assembly) -> Iterator[Grant]:
    for role in assembly.resources("AWS::IAM::Role"):
        given = role.properties
        yield from _parsed(assembly, role, role.name, "trust", given["AssumeRolePolicyDocument"])
        for inline in given.get("Policies", []):
            yield from _parsed(assembly, role, role.name, "identity", inline["PolicyDocument"])
        for managed in given.get("ManagedPolicyArns", []):
            attached = text(assembly, role.stack, managed)
            if not attached.startswith("<"):
                yield Grant(role.name, "identity", "Allow", (f"policy {attached}",), ("*",))


def sharers(assembly: Assembly) -> dict[str, list[str]]:
    """Managed policy of the templates → the roles that attach it by its ARN."""
    found: dict[str, list[str]] = {}
    for role in assembly.resources("AWS::IAM::Role"):
        for managed in role.properties.get("ManagedPolicyArns", []):
            policy = text(assembly, role.stack, managed).strip("<>")
            found.setdefault(policy, []).append(role.name)
    return found


def _policy_grants(assembly: Assembly, boundaries: set[str]) -> Iterator[Grant]:
    """Managed policies under their roles; one without roles is a boundary or stands alone."""
    kinds = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy")
    shared = sharers(assembly)
    for policy in assembly.resources(*kinds):
        given = policy.properties
        holders = [*given.get("Roles", []), *given.get("Users", []), *given.get("Groups", [])]
        if "RoleName" in given:
            holders.append(given["RoleName"])
        names = [text(assembly, policy.stack, holder).strip("<>") for holder in holders]
        names += shared.get(policy.name, [])
        kind: Kind = "boundary" if policy.name in boundaries else "identity"
        for name in names or [policy.name]:
            yield from _parsed(assembly, policy, name, kind, given["PolicyDocument"])


def _resource_grants(assembly: Assembly) -> Iterator[Grant]:
    for resource in assembly.resources(*RESOURCE_POLICIES):
        member, subject = RESOURCE_POLICIES[resource.type]
        document = resource.properties.get(member)
        if not isinstance(document, dict):
            continue
        document = document.get("PolicyDocument", document)
        for holder in _subjects(assembly, resource, subject):
            yield from _parsed(assembly, resource, holder, "resource", document)


def _subjects(assembly: Assembly, resource: Resource, member: str) -> list[str]:
    if not member:
        return [resource.name]
    value = resource.properties.get(member, resource.name)
    values = value if isinstance(value, list) else [value]
    return [text(assembly, resource.stack, item).strip("<>") for item in values]


def _invocations(assembly: Assembly) -> Iterator[Grant]:
    """``AWS::Lambda::Permission`` is a statement in another form."""
    for permission in assembly.resources("AWS::Lambda::Permission"):
        given = plain(assembly, permission.stack, permission.properties)
        conditions: dict[str, dict[str, Any]] = {}
        for member, operator, key in (
            ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
            ("SourceArn", "ArnLike", "AWS:SourceArn"),
            ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
            ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        ):
            if member in given:
                conditions.setdefault(operator, {})[key] = given[member]
        holder = str(given["FunctionName"]).strip("<>")
        statement = {
            "Action": given["Action"],
            "Resource": f"<{holder}>",
            "Principal": given["Principal"],
            "Condition": conditions,
        }
        yield parse(holder, "resource", statement)


def _endpoint_grants(assembly: Assembly) -> Iterator[Grant]:
    """A VPC endpoint without a policy lets every request through, and is listed so."""
    everything = {"Action": "*", "Resource": "*", "Principal": "*"}
    for endpoint in assembly.resources("AWS::EC2::VPCEndpoint"):
        document = endpoint.properties.get("PolicyDocument", {"Statement": [everything]})
        yield from _parsed(assembly, endpoint, endpoint.name, "endpoint", document)


def wildcard_resources(found: list[Grant]) -> list[Grant]:
    """Identity grants on every resource: the API may have no other form."""
    return [
        grant
        for grant in found
        if grant.kind == "identity" and grant.effect == "Allow" and "*" in grant.resources
    ]


def wildcard_actions(found: list[Grant]) -> list[Grant]:
    """Identity grants whose actions hold a wildcard or are all but some."""
    return [
        grant
        for grant in found
        if grant.kind == "identity"
        and grant.effect == "Allow"
        and any("*" in action or action.startswith(EXCEPT) for action in grant.actions)
    ]


__all__ = ["Role", "as_list", "grants", "roles", "wildcard_actions", "wildcard_resources"]
