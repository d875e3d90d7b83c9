"""Physical names of what is deployed, asked of CloudFormation: nothing is named by guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.names import Scope


def describe_stacks(cloudformation: Any, scope: Scope) -> list[dict[str, Any]]:
    """Descriptions of the scope's stacks, oldest first, which is the order of their edges."""
    prefix = f"{scope.stack_prefix}-"
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    found = [s for p in pages for s in p["Stacks"] if s["StackName"].startswith(prefix)]
    return sorted(found, key=lambda stack: stack["CreationTime"])


@dataclass(frozen=True, slots=True)
class NotRead:
    """Stands for what is deployed where CloudFormation does not tell: to ask raises its refusal."""

    error: Exception

    def of_type(self, resource_type: str, stack: str | None = None) -> list[Resource]:
        """Nothing is known of any resource, so none is said to be missing."""
        del resource_type, stack
        raise self.error


class NotDeployedError(LookupError):
    """No deployed resource fits; the message lists what there is of the type."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack (short stack name)."""

    stack: str
    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True, slots=True)
class Deployed:
    """All resources of the deployment's stacks, in the order of the stacks' creation."""

    scope: Scope
    stacks: tuple[str, ...]
    resources: tuple[Resource, ...]
    outputs: dict[str, dict[str, str]]

    @classmethod
    def read(cls, cloudformation: Any, scope: Scope) -> Deployed:
        """List the stacks whose names start with the scope's prefix, and what they hold."""
        prefix = f"{scope.stack_prefix}-"
        found = describe_stacks(cloudformation, scope)
        lister = cloudformation.get_paginator("list_stack_resources")
        resources = tuple(
            Resource(
                stack["StackName"].removeprefix(prefix),
                item["LogicalResourceId"],
                item["ResourceType"],
                item.get("PhysicalResourceId", ""),
            )
            for stack in found
            for page in lister.paginate(StackName=stack["StackName"])
            for item in page["StackResourceSummaries"]
        )
        outputs = {
            stack["StackName"].removeprefix(prefix): {
                output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
            }
            for stack in found
        }
        return cls(scope, tuple(outputs), resources, outputs)

    def of_type(self, resource_type: str, stack: str | None = None) -> list[Resource]:
        """Resources of a type, in one stack or all; ``training`` is the model's training stack."""
        wanted = None if stack is None else self.stack(stack)
        return [
            resource
            for resource in self.resources
            if resource.type == resource_type and wanted in (None, resource.stack)
        ]

    def stack(self, name: str) -> str:
        """Short name of a stack that all models share, or of the scope's model's."""
        if name in self.stacks or not self.scope.model:
            return name
        return self.scope.model_stack(name)

    def one(self, resource_type: str, stack: str, logical: str = "") -> str:
        """Physical id of the resource of this type whose logical id starts with ``logical``.

        Raises:
            NotDeployedError: none or several fit.
        """
        candidates = self.of_type(resource_type, stack)
        fitting = [r for r in candidates if r.logical_id.lower().startswith(logical.lower())]
        if len(fitting) != 1:
            raise NotDeployedError(
                f"{len(fitting)} of {resource_type} in stack {stack} have a logical id that starts "
                f"with {logical!r}; there are: {[r.logical_id for r in candidates]}"
            )
        return fitting[0].physical_id

    def bucket(self, zone: str) -> str:
        """Name of a zone's bucket."""
        return self.one("AWS::S3::Bucket", "data-lake", zone)

    def database(self) -> str:
        """Name of the tables' database."""
        return self.one("AWS::Glue::Database", "data-lake")

    def delivery_stream(self, stream: str) -> str:
        """Name of a stream's delivery stream."""
        return self.one("AWS::KinesisFirehose::DeliveryStream", "ingestion", stream)

    def state_machine(self, stack: str) -> str:
        """ARN of a stack's state machine."""
        return self.one("AWS::StepFunctions::StateMachine", stack)

    def glue_job(self, name: str) -> str:
        """Name of a Glue job: ``curate``, or the model's ``features`` or ``outcomes``."""
        own = "" if name == "curate" else self.scope.model
        return self.one("AWS::Glue::Job", "processing", f"{own}{name}")

    def rest_api(self) -> str:
        """Id of the REST API."""
        return self.one("AWS::ApiGateway::RestApi", "api")

    def endpoint(self) -> str:
        """Name of the endpoint, whose physical id is its ARN or its name."""
        return self.one("AWS::SageMaker::Endpoint", "serving").rpartition("/")[2]
