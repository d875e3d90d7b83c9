"""The grammar of policy documents, the same in every service that takes one."""

from __future__ import annotations

import re

from local.emulator.refusals import Properties, policies, refuses

_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
    "Condition",
}  # fmt: skip
_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+|\$\{.*")
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|(Not)?IpAddress|Bool"
    r"|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?)|BinaryEquals|Null)"
    r"(IfExists)?"
)


@refuses("policy-version", *policies.ALL_TYPES)
def _version(properties: Properties) -> str | None:
    for document in policies.every(properties):
        if document.get("Version", _VERSIONS[1]) not in _VERSIONS:
            return f"Syntax errors in policy: Version {document['Version']}, allowed: {_VERSIONS}"
    return None


@refuses("policy-elements", *policies.ALL_TYPES)
def _elements(properties: Properties) -> str | None:
    for statement in policies.statements(policies.every(properties)):
        unknown = sorted(set(statement) - _ELEMENTS)
        if unknown:
            return f"Syntax errors in policy: {unknown} is no element of a statement"
        if statement.get("Effect") not in ("Allow", "Deny"):
            return f"Syntax errors in policy: Effect {statement.get('Effect')}, not Allow or Deny"
    return None


@refuses("policy-needs-actions", *policies.ALL_TYPES)
def _actions(properties: Properties) -> str | None:
    for statement in policies.statements(policies.every(properties)):
        if ("Action" in statement) == ("NotAction" in statement):
            return "Policy statement must contain actions: one of Action and NotAction"
        if not policies.actions(statement):
            return "Policy statement must contain actions; its list is empty"
    return None


@refuses("policy-action-form", *policies.ALL_TYPES)
def _action_form(properties: Properties) -> str | None:
    for statement in policies.statements(policies.every(properties)):
        for action in policies.actions(statement):
            if not _ACTION.fullmatch(action):
                return f"Actions/Conditions must be prefaced by a vendor, e.g. s3: {action!r}"
    return None


@refuses("policy-condition-operators", *policies.ALL_TYPES)
def _operators(properties: Properties) -> str | None:
    for statement in policies.statements(policies.every(properties)):
        for operator in statement.get("Condition") or {}:
            if not _OPERATOR.fullmatch(operator):
                return f"Invalid Condition type: {operator}"
    return None


@refuses("policy-sid-characters", *policies.IDENTITY_TYPES)
def _sid_characters(properties: Properties) -> str | None:
    for statement in policies.statements(policies.identity(properties)):
        sid = str(statement.get("Sid", ""))
        if not re.fullmatch("[A-Za-z0-9]*", sid):
            return f"Statement IDs (SID) must be alpha-numeric: {sid!r}"
    return None


@refuses("policy-sid-unique", *policies.IDENTITY_TYPES, "AWS::SNS::TopicPolicy")
def _sid_unique(properties: Properties) -> str | None:
    for document in policies.every(properties):
        named = policies.statements(iter((document,)))
        sids = [entry["Sid"] for entry in named if entry.get("Sid")]
        twice = sorted({sid for sid in sids if sids.count(sid) > 1})
        if twice:
            return f"Statement IDs (SID) in a single policy must be unique: {twice}"
    return None


@refuses("identity-policy-needs-resources", *policies.IDENTITY_TYPES)
def _needs_resources(properties: Properties) -> str | None:
    for statement in policies.statements(policies.identity(properties)):
        if not policies.resources(statement):
            return "Policy statement must contain resources."
    return None


@refuses("identity-policy-resource-form", *policies.IDENTITY_TYPES)
def _resource_form(properties: Properties) -> str | None:
    for statement in policies.statements(policies.identity(properties)):
        for resource in policies.resources(statement):
            if not _ARN.fullmatch(resource):
                return f'Resource {resource} must be in ARN format or "*".'
    return None


@refuses("identity-policy-has-no-principal", *policies.IDENTITY_TYPES)
def _no_principal(properties: Properties) -> str | None:
    for statement in policies.statements(policies.identity(properties)):
        if "Principal" in statement or "NotPrincipal" in statement:
            return "Policy document should not specify a principal."
    return None


@refuses("trust-policy-has-no-resource", "AWS::IAM::Role")
def _no_resource(properties: Properties) -> str | None:
    for statement in policies.statements(policies.trust(properties)):
        if "Resource" in statement or "NotResource" in statement:
            return "Has prohibited field Resource."
    return None


@refuses("trust-policy-assumes-only", "AWS::IAM::Role")
def _assumes_only(properties: Properties) -> str | None:
    for statement in policies.statements(policies.trust(properties)):
        for action in policies.actions(statement):
            if action != "*" and not action.lower().startswith("sts:"):
                return f"AssumeRole policy may only specify STS AssumeRole actions: {action}"
    return None


@refuses("resource-policy-needs-principal", *policies.RESOURCE_TYPES)
def _needs_principal(properties: Properties) -> str | None:
    for statement in policies.statements(policies.on_resource(properties)):
        if not (statement.get("Principal") or statement.get("NotPrincipal")):
            return "Missing required field Principal"
    return None
