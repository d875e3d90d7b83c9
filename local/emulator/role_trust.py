"""Whether a service may assume a role: the trust policy, with the conditions it sets.

A service calls on behalf of an account and says so, which is how a role refuses to be used for
somebody else's resource (the confused deputy). What a service sends here is what its page says; a
key that it does not send is absent, and a condition that asks for it refuses.

Lambda and Step Functions try the role when a function or machine is made, the others at work.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.core.iam_evaluator", _conditions_met="callable")

# Lambda and CloudFormation name no source when they assume a role.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
_NAME_NO_SOURCE = frozenset({"lambda.amazonaws.com", "cloudformation.amazonaws.com"})
# https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
_SEND_EXTERNAL_ID = frozenset({"firehose.amazonaws.com"})
# What is made with a role that has to be assumable at once: the property and the service.
_TRIED = {
    "AWS::Lambda::Function": ("Role", "lambda.amazonaws.com"),
    "AWS::StepFunctions::StateMachine": ("RoleArn", "states.amazonaws.com"),
}


class AccessDeniedError(PermissionError):
    """A service role may not do what the service was configured to do with it."""

    def __init__(self, principal: str, action: str, resource: str, reason: str) -> None:
        super().__init__(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"because {reason}"
        )
        self.principal, self.action, self.resource = principal, action, resource


def role_name(role_arn: str) -> str:
    """The last segment of a role ARN: role names are unique within an account."""
    return role_arn.rsplit("/", 1)[-1]


def assert_trusted(role_arn: str, service: str) -> None:
    """Raise ``AccessDeniedError`` unless the role exists and ``service`` may assume it.

    ``service`` is a service principal such as ``firehose.amazonaws.com``. It acts for the account
    of the request that is being served.
    """
    from ministack.core.responses import get_account_id
    from ministack.services import iam

    if role_arn.count(":") < 5:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, "it is not the ARN of a role")
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_name(role_arn))
    if role is None or role["Arn"] != role_arn:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, "the role does not exist")
    document = role.get("AssumeRolePolicyDocument") or "{}"
    trust = json.loads(document) if isinstance(document, str) else document
    reason = refusal(trust, role_arn, service, get_account_id())
    if reason:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, reason)


def refusal(trust: dict[str, Any], role_arn: str, service: str, source_account: str) -> str:
    """Why the trust policy refuses ``service`` acting for ``source_account``; empty if it does not.

    Statements that do not name the service are no concern of it; a matching Deny overrides.
    """
    statements = trust.get("Statement", [])
    named = [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if service in _services(statement) and "sts:AssumeRole" in _listed(statement, "Action")
    ]
    if not named:
        return "its trust policy does not name the service"
    met = [s["Effect"] for s in named if _conditions_hold(s, role_arn, service, source_account)]
    if "Deny" in met:
        return "of an explicit deny in its trust policy"
    return "" if "Allow" in met else "a condition of its trust policy does not hold"


def _listed(statement: dict[str, Any], member: str) -> list[str]:
    value = statement.get(member, [])
    return [value] if isinstance(value, str) else list(value)


def _services(statement: dict[str, Any]) -> list[str]:
    named = statement.get("Principal", {})
    return _listed(named, "Service") if isinstance(named, dict) else []


def _conditions_hold(
    statement: dict[str, Any], role_arn: str, service: str, source_account: str
) -> bool:
    from ministack.core import iam_evaluator as evaluator

    sent: dict[str, Any] = {}
    if service not in _NAME_NO_SOURCE:
        sent["aws:sourceaccount"] = source_account
    if service in _SEND_EXTERNAL_ID:
        sent["sts:externalid"] = source_account
    request = evaluator.EvalContext(
        principal_arn=service, principal_type="Service", principal_account="",
        action="sts:AssumeRole", resource_arn=role_arn, region="", service_context=sent,
    )  # fmt: skip
    return bool(evaluator._conditions_met(statement.get("Condition", {}), request))


def _tried(provision: Callable[..., Any], member: str, service: str) -> Callable[..., Any]:
    """Refuse a resource whose role the service cannot assume; create and update alike.

    The properties are the second of a creation's arguments and the third of an update's.
    """

    def checked(first: str, second: dict[str, Any], third: Any, *rest: Any, **named: Any) -> Any:
        props = third if isinstance(third, dict) else second
        assert_trusted(str(props.get(member, "")), service)
        return provision(first, second, third, *rest, **named)

    return checked


def attach(tables: Tables) -> None:
    """Try roles where the service does when a resource is made."""
    for kind, (member, service) in _TRIED.items():
        entry = tables.resource_handlers[kind]
        for act in ("create", "update"):
            if act in entry:
                entry[act] = _tried(entry[act], member, service)
