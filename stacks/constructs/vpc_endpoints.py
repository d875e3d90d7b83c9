"""Ways out of the isolated VPC: AWS services only, each for a stated user, each with a policy.

Every interface endpoint costs by the hour and zone, so the table names who needs it; image pulls,
function logs, traces and SSE-KMS do not pass through the VPC and have none.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from stacks.constructs.base_stack import BaseStack


@dataclass(frozen=True, slots=True)
class InterfaceEndpoint:
    """One service reached through a network interface."""

    construct_id: str
    service: ec2.InterfaceVpcEndpointAwsService
    used_by: str


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
    InterfaceEndpoint(
        "Kms",
        _SERVICES.KMS,
        "transform and router functions and the curate job derive the key of the pseudonyms",
    ),
    InterfaceEndpoint(
        "SageMakerRuntime", _SERVICES.SAGEMAKER_RUNTIME, "router function invokes the endpoint"
    ),
    InterfaceEndpoint("SageMakerApi", _SERVICES.SAGEMAKER_API, "registry and rollout functions"),
    InterfaceEndpoint("Ssm", _SERVICES.SSM, "registry, rollout and pointers functions"),
    InterfaceEndpoint("CloudFormation", _SERVICES.CLOUDFORMATION, "rollout function"),
    InterfaceEndpoint("CloudWatch", _SERVICES.CLOUDWATCH_MONITORING, "monitor job puts metrics"),
    InterfaceEndpoint("Logs", _SERVICES.CLOUDWATCH_LOGS, "Glue workers send their logs"),
    InterfaceEndpoint("Sts", _SERVICES.STS, "regional identity calls of the SDKs in jobs"),
)

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


def add_endpoints(
    stack: BaseStack,
    vpc: ec2.Vpc,
    security_group: ec2.ISecurityGroup,
) -> ec2.GatewayVpcEndpoint:
    """Create gateway endpoints in every subnet, interface endpoints in the settings' zones.

    Returns the endpoint of S3, which bucket policies name.
    """
    storage = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    tables = vpc.add_gateway_endpoint("DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
    storage.add_to_policy(_within_account(stack))
    tables.add_to_policy(_within_account(stack))
    for bucket in AWS_BUCKETS:
        storage.add_to_policy(_aws_bucket(stack, bucket))
    network = stack.settings.network
    zones = list(network.availability_zones[: network.interface_endpoint_zones])
    for endpoint in INTERFACE_ENDPOINTS:
        interface = vpc.add_interface_endpoint(
            endpoint.construct_id,
            service=endpoint.service,
            open=False,
            private_dns_enabled=True,
            security_groups=[security_group],
            subnets=ec2.SubnetSelection(
                subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, availability_zones=zones
            ),
        )
        interface.add_to_policy(_within_account(stack))
    return storage


def _within_account(stack: BaseStack) -> iam.PolicyStatement:
    """Our principals on our resources; some calls carry no resource, hence ``IfExists``."""
    return iam.PolicyStatement(
        actions=["*"],
        principals=[iam.AnyPrincipal()],
        resources=["*"],
        conditions={
            "StringEquals": {"aws:PrincipalAccount": stack.account},
            "StringEqualsIfExists": {"aws:ResourceAccount": stack.account},
        },
    )


def _aws_bucket(stack: BaseStack, bucket: AwsBucket) -> iam.PolicyStatement:
    """No principal condition: the requests are signed by an AWS service, or presigned by it."""
    pattern = bucket.pattern.format(
        region=stack.region, compact_region=stack.region.replace("-", "")
    )
    return iam.PolicyStatement(
        actions=[bucket.action],
        principals=[iam.AnyPrincipal()],
        resources=[f"arn:{stack.partition}:s3:::{pattern}"],
    )
