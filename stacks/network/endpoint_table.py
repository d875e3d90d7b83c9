"""Which services the isolated VPC reaches: those that a workload calls (``core/workload.py``).

An interface endpoint costs by the hour and zone. Image pulls, function logs, traces and SSE-KMS do
not pass through the VPC and have no row; nothing here calls STS. An endpoint's actions are what its
users' roles allow: it refuses nothing that they may do, and nobody else finds anything to do behind
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from core.workload import Service
from stacks.kit.workload import users


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service, and who calls what of it."""

    construct_id: Service

    @property
    def used_by(self) -> tuple[str, ...]:
        """Workloads that call it."""
        return tuple(users(self.construct_id))

    @property
    def actions(self) -> tuple[str, ...]:
        """Everything that they call."""
        called = users(self.construct_id).values()
        return tuple(sorted({action for calls in called for action in calls.actions}))

    @property
    def reason(self) -> str:
        """Who calls it for what; those that do the same stand together."""
        same: dict[str, list[str]] = {}
        for workload, calls in users(self.construct_id).items():
            same.setdefault(calls.why, []).append(workload)
        return "; ".join(f"{', '.join(who)}: {why}" for why, who in same.items())


@dataclass(frozen=True, slots=True)
class InterfaceEndpoint(Endpoint):
    """Reached through a network interface."""

    service: ec2.InterfaceVpcEndpointAwsService


@dataclass(frozen=True, slots=True)
class GatewayEndpoint(Endpoint):
    """Reached through the route tables, which costs nothing."""

    service: ec2.GatewayVpcEndpointAwsService


@dataclass(frozen=True, slots=True)
class AwsBucket:
    """Objects in a bucket that AWS owns and that code in the VPC has to reach."""

    pattern: str
    """Object ARN without its partition prefix; ``{region}`` and ``{compact_region}`` are filled."""
    action: str
    reason: str
    evidence: str


_SERVICES = ec2.InterfaceVpcEndpointAwsService
INTERFACE_ENDPOINTS = (
    InterfaceEndpoint(Service.KMS, _SERVICES.KMS),
    InterfaceEndpoint(Service.SAGEMAKER_RUNTIME, _SERVICES.SAGEMAKER_RUNTIME),
    InterfaceEndpoint(Service.SAGEMAKER_API, _SERVICES.SAGEMAKER_API),
    InterfaceEndpoint(Service.SSM, _SERVICES.SSM),
    InterfaceEndpoint(Service.CLOUDFORMATION, _SERVICES.CLOUDFORMATION),
    InterfaceEndpoint(Service.CLOUDWATCH, _SERVICES.CLOUDWATCH_MONITORING),
    InterfaceEndpoint(Service.LOGS, _SERVICES.CLOUDWATCH_LOGS),
    InterfaceEndpoint(Service.GLUE, _SERVICES.GLUE),
)

STORAGE = GatewayEndpoint(Service.S3, ec2.GatewayVpcEndpointAwsService.S3)
TABLES = GatewayEndpoint(Service.DYNAMODB, ec2.GatewayVpcEndpointAwsService.DYNAMODB)
GATEWAY_ENDPOINTS = (STORAGE, TABLES)

AWS_BUCKETS = (
    AwsBucket(
        "cloudformation-custom-resource-response-{compact_region}/*",
        "s3:PutObject",
        "The pointers custom resource runs in the VPC and answers CloudFormation there.",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html",
    ),
    AwsBucket(
        "prod-{region}-starport-layer-bucket/*",
        "s3:GetObject",
        "Layers of container images that SageMaker jobs and endpoints in the VPC pull.",
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html",
    ),
    AwsBucket(
        "aws-glue-*/*",
        "s3:GetObject",
        "Libraries that Glue workers with a VPC connection fetch when a job starts.",
        "https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html",
    ),
)
