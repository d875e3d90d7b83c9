"""What a workload calls of which service, and the security group that it is in.

A group stands for one set of services and one sensitivity: two workloads share one only if they
call the same services and neither could harm the other. ``docs/review/reachability.yaml`` says what
each may open a connection to, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """Services that the isolated VPC reaches; a value is the construct id of the endpoint."""

    KMS = "Kms"
    SAGEMAKER_RUNTIME = "SageMakerRuntime"
    SAGEMAKER_API = "SageMakerApi"
    SSM = "Ssm"
    CLOUDFORMATION = "CloudFormation"
    CLOUDWATCH = "CloudWatch"
    LOGS = "Logs"
    GLUE = "Glue"
    S3 = "S3"
    DYNAMODB = "DynamoDb"


@dataclass(frozen=True, slots=True)
class Calls:
    """What a workload calls of one service: no action more than its roles are allowed.

    ``tests/stacks/test_endpoint_policies.py`` compares with the roles of the templates.
    """

    service: Service
    why: str
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What a security group is for."""

    holds: str
    """Noun phrase for the group's description, which is shown in the console."""
    calls: tuple[Calls, ...]
    among_itself: bool = False
    """Its members connect to each other on any TCP port."""

    def of(self, service: Service) -> Calls | None:
        """What it calls of a service, if anything."""
        return next((calls for calls in self.calls if calls.service == service), None)


# Of several workloads.
PSEUDONYMS = Calls(Service.KMS, "derives the key of the pseudonyms", ("kms:GenerateMac",))
