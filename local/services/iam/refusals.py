"""Sizes of policies and what a role takes."""

from __future__ import annotations

import re

from local.emulator.refusals import Properties, policies, refuses, refuses_beside

# Quotas, adjustable where AWS says so; the defaults are what a new account has.
MANAGED_POLICY = 6144
INLINE_POLICIES = 10240
TRUST_POLICY = 2048
POLICIES_OF_ROLE = 10
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+")


@refuses("managed-policy-size", "AWS::IAM::ManagedPolicy")
def _managed_policy(properties: Properties) -> str | None:
    length = policies.characters(properties.get("PolicyDocument") or {})
    if length <= MANAGED_POLICY:
        return None
    return f"Cannot exceed quota for PolicySize: {MANAGED_POLICY}; the policy has {length}"


@refuses("trust-policy-size", "AWS::IAM::Role")
def _trust_policy(properties: Properties) -> str | None:
    length = sum(policies.characters(document) for document in policies.trust(properties))
    if length <= TRUST_POLICY:
        return None
    return f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY}; the policy has {length}"


@refuses("inline-policies-size", "AWS::IAM::Role")
def _inline_policies(properties: Properties) -> str | None:
    length = sum(policies.characters(document) for document in policies.identity(properties))
    if length <= INLINE_POLICIES:
        return None
    return f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for role: {length}"


@refuses("role-policies-count", "AWS::IAM::Role")
def _policies_of_role(properties: Properties) -> str | None:
    attached = properties.get("ManagedPolicyArns") or []
    if len(attached) <= POLICIES_OF_ROLE:
        return None
    return f"Cannot exceed quota for PoliciesPerRole: {POLICIES_OF_ROLE}, not {len(attached)}"


@refuses("boundary-is-a-policy", "AWS::IAM::Role")
def _boundary(properties: Properties) -> str | None:
    boundary = properties.get("PermissionsBoundary")
    if boundary is None or _POLICY_ARN.fullmatch(str(boundary)):
        return None
    return f"Scope ARN: {boundary} does not exist or is not attachable; allowed: a policy's ARN"


@refuses("role-path-form", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
def _path(properties: Properties) -> str | None:
    path = str(properties.get("Path", "/"))
    if path.startswith("/") and path.endswith("/"):
        return None
    return f"Path {path}: it must begin and end with /"


@refuses_beside("boundary-exists", "AWS::IAM::Role")
def _boundary_exists(properties: Properties) -> str | None:
    from ministack.services import iam

    boundary = properties.get("PermissionsBoundary")
    if not boundary or ":iam::aws:" in boundary or boundary in iam._policies:
        return None
    return f"Scope ARN: {boundary} does not exist or is not attachable."


@refuses_beside("role-policies-attached", "AWS::IAM::ManagedPolicy")
def _attached(properties: Properties) -> str | None:
    from ministack.services import iam

    for name in properties.get("Roles") or []:
        count = len((iam._roles.get(name) or {}).get("AttachedPolicies", []))
        if count >= POLICIES_OF_ROLE:
            return f"Cannot exceed quota for PoliciesPerRole: {POLICIES_OF_ROLE}, role {name}"
    return None
