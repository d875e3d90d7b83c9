"""What is deployed under one instance and environment, read from CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.shared.names import Scope


STACK_ARTIFACT = "aws:cloudformation:stack"


@dataclass(frozen=True, slots=True)
class Resource:
    """One physical resource of a deployed stack."""

    stack: str
    logical_id: str
    type: str
    physical_id: str


class Deployment:
    """Reads the stacks whose names start with the scope's prefix."""

    def __init__(self, scope: Scope, *, region: str) -> None:
        self.scope = scope
        self.session = boto3.Session(region_name=region)
        self.cloudformation = self.session.client("cloudformation")

    def stacks(self) -> list[dict[str, Any]]:
        """Descriptions of the existing stacks, oldest first (which is dependency order)."""
        pages = self.cloudformation.get_paginator("describe_stacks").paginate()
        prefix = f"{self.scope.stack_prefix}-"
        found = [s for page in pages for s in page["Stacks"] if s["StackName"].startswith(prefix)]
        return sorted(found, key=lambda stack: stack["CreationTime"])

    def outputs(self) -> dict[str, dict[str, str]]:
        """Output values by stack name and output key."""
        return {
            stack["StackName"]: {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
            for stack in self.stacks()
        }

    def short_name(self, stack_name: str) -> str:
        """The name by which the cdk CLI selects a stack: its construct id."""
        return stack_name.removeprefix(f"{self.scope.stack_prefix}-")

    def output(self, stack: str, key: str) -> str:
        """One output of one stack (short stack name).

        Raises:
            KeyError: the stack is not deployed or has no such output.
        """
        return self.outputs()[self.scope.stack(stack)][key]

    def resources(self) -> list[Resource]:
        """Every physical resource of every stack."""
        paginator = self.cloudformation.get_paginator("list_stack_resources")
        return [
            Resource(
                stack["StackName"],
                summary["LogicalResourceId"],
                summary["ResourceType"],
                summary.get("PhysicalResourceId", ""),
            )
            for stack in self.stacks()
            for page in paginator.paginate(StackName=stack["StackName"])
            for summary in page["StackResourceSummaries"]
        ]

    def exists(self, stack_name: str) -> bool:
        """Whether a stack exists; a deleted one does not."""
        try:
            stacks = self.cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return False
            raise
        return bool(stacks[0]["StackStatus"] != "DELETE_COMPLETE")


def templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """Synthesised templates of an assembly by CloudFormation stack name, in dependency order."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = [a["properties"] for a in artifacts.values() if a["type"] == STACK_ARTIFACT]
    return {
        stack["stackName"]: json.loads((assembly / stack["templateFile"]).read_text())
        for stack in stacks
    }


def consumed_outputs(template: Any) -> Iterator[tuple[str, str]]:
    """Pairs (producing stack, output key) that a template reads through ``Fn::GetStackOutput``."""
    if isinstance(template, dict):
        reference = template.get("Fn::GetStackOutput")
        if isinstance(reference, dict):
            yield str(reference["StackName"]), str(reference["OutputName"])
        for value in template.values():
            yield from consumed_outputs(value)
    elif isinstance(template, list):
        for value in template:
            yield from consumed_outputs(value)
