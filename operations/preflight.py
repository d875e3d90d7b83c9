"""What CloudFormation would find out half-way through a deploy, asked of the account before it.

Reserved concurrency is taken out of the account's quota, 100 of which Lambda keeps unreserved; in a
new account the whole quota may be 10.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.deployed import Deployed

KEPT_UNRESERVED = 100
FUNCTION = "AWS::Lambda::Function"


class PreflightError(RuntimeError):
    """The account would refuse the deploy; the message says what to change where."""


def wanted_concurrency(assembly: Mapping[str, Any]) -> int:
    """Executions that the functions of all templates reserve together."""
    return sum(
        int(resource["Properties"].get("ReservedConcurrentExecutions", 0))
        for template in assembly.values()
        for resource in template["Resources"].values()
        if resource["Type"] == FUNCTION
    )


def check_concurrency(client: Any, assembly: Mapping[str, Any], deployed: Deployed) -> None:
    """Compare what the templates reserve with what the account can still give.

    Args:
        client: of Lambda, in the account and Region of the deploy.
        assembly: templates by stack name.
        deployed: what is there now; its reservations are given back by the same update.

    Raises:
        PreflightError: the quota leaves too little.
    """
    wanted = wanted_concurrency(assembly)
    if not wanted:
        return
    free = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    available = free + _already_reserved(client, deployed) - KEPT_UNRESERVED
    if wanted > available:
        raise PreflightError(
            f"reserved_concurrency: the settings reserve {wanted} concurrent executions; allowed: "
            f"at most {max(available, 0)} in this account, which must keep {KEPT_UNRESERVED} "
            "unreserved. Lower the values in the settings file or raise Lambda's quota "
            "'Concurrent executions'."
        )


def _already_reserved(client: Any, deployed: Deployed) -> int:
    return sum(
        client.get_function_concurrency(FunctionName=function.physical_id).get(
            "ReservedConcurrentExecutions", 0
        )
        for function in deployed.of_type(FUNCTION)
    )
