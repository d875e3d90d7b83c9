"""The serving stack as CloudFormation reports it, and its update with the previous template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from core.names import CHAMPION, OUTPUT_ENDPOINT_CONFIG
from lambdas.shared.errors import StackBusy

_STATE = re.compile(r"is in (\w+) state")
_NOTHING_TO_DO = "No updates are to be performed"


@dataclass(frozen=True, slots=True)
class Stack:
    """What one ``DescribeStacks`` says."""

    name: str
    status: str
    reason: str
    updated_at: datetime
    parameters: tuple[str, ...]
    capabilities: tuple[str, ...]
    serving: dict[str, str]
    """Variant -> model package that the stack was last resolved to. A variant that the template
    does not have is absent."""
    config: str
    """Endpoint configuration that the stack believes to be in use; empty without an endpoint."""

    @property
    def busy(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def rolled_back(self) -> bool:
        """Whether its last update failed and was undone."""
        return self.status == "UPDATE_ROLLBACK_COMPLETE"

    @property
    def broken(self) -> bool:
        """Whether a person has to repair it before it can be updated."""
        return self.status.endswith("_FAILED") or self.status == "ROLLBACK_COMPLETE"


class ServingStack:
    """Describes and updates the stack.

    Args:
        client: a boto3 CloudFormation client.
        name: the stack's name.
        role_arn: service role for updates; it may touch the endpoint's SageMaker resources only.
        parameters: variant -> SSM parameter from which the template takes its package.
    """

    def __init__(
        self, client: Any, name: str, role_arn: str, parameters: Mapping[str, str]
    ) -> None:
        self._client = client
        self._name = name
        self._role_arn = role_arn
        self._variants = {parameter: variant for variant, parameter in parameters.items()}

    def describe(self) -> Stack:
        """Read the stack.

        Raises:
            LookupError: its template does not take the champion's pointer as a parameter.
        """
        found = self._client.describe_stacks(StackName=self._name)["Stacks"][0]
        parameters = found.get("Parameters", [])
        serving = {
            self._variants[parameter["ParameterValue"]]: parameter["ResolvedValue"]
            for parameter in parameters
            if parameter.get("ParameterValue") in self._variants and "ResolvedValue" in parameter
        }
        if CHAMPION not in serving:
            raise LookupError(f"stack {self._name} takes no parameter from the champion's pointer")
        return Stack(
            name=self._name,
            status=found["StackStatus"],
            reason=found.get("StackStatusReason", ""),
            updated_at=found.get("LastUpdatedTime", found["CreationTime"]),
            parameters=tuple(parameter["ParameterKey"] for parameter in parameters),
            capabilities=tuple(found.get("Capabilities", [])),
            serving=serving,
            config=_output(found, OUTPUT_ENDPOINT_CONFIG),
        )

    def update(self, stack: Stack) -> bool:
        """Let CloudFormation read the pointers again and bring the endpoint to them.

        Returns:
            False when the stack already has the pointers' packages.

        Raises:
            StackBusy: a deploy or another roll-out is under way.
        """
        try:
            self._client.update_stack(
                StackName=self._name,
                UsePreviousTemplate=True,
                Parameters=[
                    {"ParameterKey": key, "UsePreviousValue": True} for key in stack.parameters
                ],
                Capabilities=list(stack.capabilities),
                RoleARN=self._role_arn,
            )
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if _NOTHING_TO_DO in message:
                return False
            state = _STATE.search(message)
            if state and state[1].endswith("_IN_PROGRESS"):
                raise StackBusy(f"stack {self._name} is in {state[1]}") from error
            raise
        return True

    def failure(self) -> str:
        """Why the last update failed: the first resource that did, in CloudFormation's words."""
        events = self._client.describe_stack_events(StackName=self._name)["StackEvents"]
        reason = ""
        for event in events:  # newest first, down to the start of the last update
            status = event["ResourceStatus"]
            if status.endswith("_FAILED") and event.get("ResourceStatusReason"):
                reason = f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            if (
                event.get("PhysicalResourceId") == event["StackId"]
                and status == "UPDATE_IN_PROGRESS"
            ):
                break
        return reason


def _output(stack: Mapping[str, Any], key: str) -> str:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return str(outputs.get(key, ""))
