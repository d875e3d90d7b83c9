"""Whether a service may assume a role: the trust policy, with the conditions it sets.

A service calls on behalf of an account and may say so, which is how a role refuses to be used for
somebody else's resource (the confused deputy). What a service is documented to send, it sends here.
Of most it is not documented whether they send anything: such a service is tried twice, once saying
for whom and once silent, and the role has to admit it both times. A key that is not sent is absent,
and a condition that asks for it refuses.

Lambda and Step Functions try the role when a function or machine is made, the others at work.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.core.iam_evaluator", _conditions_met="callable")

# What a service says for whom it works, and the page that has it in a trust policy.
_SENT: dict[str, str] = {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    "sagemaker.amazonaws.com": "arn:aws:sagemaker:{region}:{account}:training-job/any",
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    "scheduler.amazonaws.com": "arn:aws:scheduler:{region}:{account}:schedule-group/default",
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    "states.amazonaws.com": "arn:aws:states:{region}:{account}:stateMachine:any",
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    "vpc-flow-logs.amazonaws.com": "arn:aws:ec2:{region}:{account}:vpc-flow-log/fl-0a1b2c3d",
}
# Neither is documented to name a source. https://github.com/prowler-cloud/prowler/issues/2810
_SILENT = frozenset({"lambda.amazonaws.com", "cloudformation.amazonaws.com"})
# https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
_EXTERNAL_ID = frozenset({"firehose.amazonaws.com"})
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


def assert_trusted(role_arn: str, service: str, source_arn: str = "") -> None:
    """Raise ``AccessDeniedError`` unless the role exists and ``service`` may assume it.

    ``service`` is a service principal such as ``firehose.amazonaws.com``. It acts for the account
    of the request that is being served, and for ``source_arn`` if that is known.
    """
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import iam

    if role_arn.count(":") < 5:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, "it is not the ARN of a role")
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_name(role_arn))
    if role is None or role["Arn"] != role_arn:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, "the role does not exist")
    document = role.get("AssumeRolePolicyDocument") or "{}"
    trust = json.loads(document) if isinstance(document, str) else document
    keys = said(service, get_account_id(), get_region(), source_arn)
    reason = refusal(trust, role_arn, service, keys)
    if reason:
        raise AccessDeniedError(service, "sts:AssumeRole", role_arn, reason)


def said(
    service: str, account: str, region: str = "", source_arn: str = ""
) -> list[dict[str, Any]]:
    """The condition keys of an assumption; two sets where it is open what the service sends."""
    if service in _SILENT:
        return [{}]
    if service in _EXTERNAL_ID:
        return [{"sts:externalid": account}]
    documented = _SENT.get(service, "").format(region=region, account=account)
    told = {"aws:sourceaccount": account, "aws:sourcearn": source_arn or documented or None}
    return [told] if service in _SENT else [told, {}]


def refusal(trust: dict[str, Any], role_arn: str, service: str, keys: list[dict[str, Any]]) -> str:
    """Why the trust policy refuses ``service`` sending any of ``keys``; empty if it does not.

    Statements that do not name the service are no concern of it; a matching Deny overrides.
    """
    reasons = [_refusal(trust, role_arn, service, sent) for sent in keys]
    return next(filter(None, reasons), "")


def _refusal(trust: dict[str, Any], role_arn: str, service: str, sent: dict[str, Any]) -> str:
    statements = trust.get("Statement", [])
    named = [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if service in _services(statement) and "sts:AssumeRole" in _listed(statement, "Action")
    ]
    if not named:
        return "its trust policy does not name the service"
    met = [s["Effect"] for s in named if _conditions_hold(s, role_arn, service, sent)]
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
    statement: dict[str, Any], role_arn: str, service: str, sent: dict[str, Any]
) -> bool:
    from ministack.core import iam_evaluator as evaluator

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
