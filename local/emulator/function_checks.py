"""What Lambda asks of a function's role when the function is made or changed.

Lambda does not wait for the first event: a role that may not make network interfaces, or not send
to the dead-letter queue, fails the call. The request it asks about names no resource yet, and which
condition keys it carries is not documented; here it carries no ``aws:ResourceAccount``.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.emulator import function_properties, service_roles
from local.emulator.extensions import Tables

SERVICE = "lambda.amazonaws.com"
# Service of the dead-letter target: the action, as the refusal words it.
_TARGETS = {
    "sqs": ("sqs:SendMessage", "SendMessage on SQS"),
    "sns": ("sns:Publish", "Publish on SNS"),
}
_INTERFACE = ("ec2:CreateNetworkInterface", "CreateNetworkInterface on EC2")
_UNNAMED = {"aws:resourceaccount": None}


def asked(props: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Action, resource and words of what a role must be allowed."""
    if (props.get("VpcConfig") or {}).get("SubnetIds"):
        yield _INTERFACE[0], "*", _INTERFACE[1]
    target = str((props.get("DeadLetterConfig") or {}).get("TargetArn", ""))
    if target:
        action, words = _TARGETS[target.split(":")[2]]
        yield action, target, words


def _check(props: dict[str, Any]) -> None:
    for action, resource, words in asked(props):
        if not service_roles.allowed(props["Role"], action, resource, _UNNAMED, service=SERVICE):
            raise ValueError(
                "The provided execution role does not have permissions to call "
                f"{words} (Service: Lambda, Status Code: 400, Error Code: "
                "InvalidParameterValueException)"
            )


def _nothing(_config: dict[str, Any], _props: dict[str, Any]) -> None:
    """Only the check is wanted."""


def attach(tables: Tables) -> None:
    """Ask before a function is provisioned."""
    function_properties.keep(tables, _nothing, _check)
