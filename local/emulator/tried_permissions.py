"""What a role has to be allowed before the resource that uses it can be made.

Lambda and Step Functions look at the policies of the role when a function or a state machine is
created or changed, and refuse it: a policy that is attached later in the stack comes too late. The
scheduler tries whether it may assume the role.
What Lambda asks counts as a use of the grant. It names no resource yet, and which condition keys it
carries is not documented; here it carries no ``aws:ResourceAccount``.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.role_trust import AccessDeniedError, assert_trusted
from local.emulator.service_roles import allowed, evaluated

Properties = dict[str, Any]
# action, resource, what AWS calls the pair
Needs = Iterator[tuple[str, str, str]]

LAMBDA, STATES = "lambda.amazonaws.com", "states.amazonaws.com"
_UNNAMED = {"aws:resourceaccount": None}
SCHEDULER = "scheduler.amazonaws.com"
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)


def of_function(properties: Properties) -> Needs:
    """Permissions that Lambda looks for in the execution role."""
    if properties.get("VpcConfig", {}).get("SubnetIds"):
        yield "ec2:CreateNetworkInterface", "*", "CreateNetworkInterface on EC2"
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        yield "xray:PutTraceSegments", "*", "PutTraceSegments on XRAY"
    letters = properties.get("DeadLetterConfig", {}).get("TargetArn", "")
    if ":sqs:" in letters:
        yield "sqs:SendMessage", letters, "SendMessage on SQS"
    if ":sns:" in letters:
        yield "sns:Publish", letters, "Publish on SNS"


def of_state_machine(properties: Properties) -> Needs:
    """Permissions that Step Functions looks for in a machine's role."""
    if properties.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
        for action in LOG_DELIVERY:
            yield action, "*", f"{action.removeprefix('logs:')} on CloudWatch Logs"


def _assert_function(properties: Properties) -> None:
    role = str(properties.get("Role", ""))
    for action, resource, words in of_function(properties):
        if not allowed(role, action, resource, _UNNAMED, service=LAMBDA):
            raise ValueError(
                f"The provided execution role does not have permissions to call {words} "
                f"({role}: {action} on {resource})"
            )


def _assert_state_machine(properties: Properties) -> None:
    role = str(properties.get("RoleArn", ""))
    for action, resource, _ in of_state_machine(properties):
        if evaluated(role, action, resource, None, STATES).decision != "Allow":
            raise ValueError(
                "The state machine IAM Role is not authorized to access the Log Destination "
                f"({role}: {action})"
            )


def _assert_schedule(properties: Properties) -> None:
    role = str(properties.get("Target", {}).get("RoleArn", ""))
    try:
        assert_trusted(role, SCHEDULER)
    except AccessDeniedError as error:
        raise ValueError(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the "
            f"role. ({error})"
        ) from error


_TRIED: dict[str, Callable[[Properties], None]] = {
    "AWS::Lambda::Function": _assert_function,
    "AWS::StepFunctions::StateMachine": _assert_state_machine,
    "AWS::Scheduler::Schedule": _assert_schedule,
}


def _tried(provision: Callable[..., Any], check: Callable[[Properties], None]) -> Any:
    """The properties are the second of a creation's arguments and the third of an update's."""

    def checked(first: str, second: Properties, third: Any, *rest: Any, **named: Any) -> Any:
        check(third if isinstance(third, dict) else second)
        return provision(first, second, third, *rest, **named)

    return checked


def attach(tables: Tables) -> None:
    """Look at roles where AWS does when a resource is made or changed."""
    for kind, check in _TRIED.items():
        entry = tables.resource_handlers[kind]
        for act in ("create", "update"):
            if act in entry:
                entry[act] = _tried(entry[act], check)
