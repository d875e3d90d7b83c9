"""Which services the isolated VPC reaches, for whom, for which calls, and why.

An interface endpoint costs by the hour and zone, so each row names its users. Image pulls, function
logs, traces and SSE-KMS do not pass through the VPC and have no row; nothing here calls STS.

A row's actions are what its users' roles allow: an endpoint refuses nothing that they may do, and
nobody else finds anything to do behind it. ``tests/stacks/test_endpoint_policies.py`` derives them
from the templates.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from stacks.kit.workload import Workload


@dataclass(frozen=True, slots=True)
class InterfaceEndpoint:
    """One service reached through a network interface."""

    construct_id: str
    service: ec2.InterfaceVpcEndpointAwsService
    used_by: tuple[Workload, ...]
    reason: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayEndpoint:
    """One service reached through the route tables, which costs nothing."""

    construct_id: str
    service: ec2.GatewayVpcEndpointAwsService
    used_by: tuple[Workload, ...]
    reason: str
    actions: tuple[str, ...]


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
        (Workload.TRANSFORM, Workload.ROUTER, Workload.CURATE),
        "transform and router functions and the curate job derive the key of the pseudonyms",
        ("kms:GenerateMac",),
    ),
    InterfaceEndpoint(
        "SageMakerRuntime",
        _SERVICES.SAGEMAKER_RUNTIME,
        (Workload.ROUTER,),
        "router function invokes the endpoint",
        ("sagemaker:InvokeEndpoint",),
    ),
    InterfaceEndpoint(
        "SageMakerApi",
        _SERVICES.SAGEMAKER_API,
        (Workload.REGISTRY, Workload.ROLLOUT),
        "registry function describes and registers packages, rollout function sets weights",
        (
            "sagemaker:CreateModelPackage",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeModelPackage",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
        ),
    ),
    InterfaceEndpoint(
        "Ssm",
        _SERVICES.SSM,
        (Workload.REGISTRY, Workload.ROLLOUT, Workload.POINTERS),
        "registry, rollout and pointers functions read the model pointers, the latter two write",
        (
            "ssm:DeleteParameters",
            "ssm:GetParameter",
            "ssm:GetParameters",
            "ssm:PutParameter",
        ),
    ),
    InterfaceEndpoint(
        "CloudFormation",
        _SERVICES.CLOUDFORMATION,
        (Workload.ROLLOUT,),
        "rollout function updates the serving stack",
        (
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:UpdateStack",
        ),
    ),
    InterfaceEndpoint(
        "CloudWatch",
        _SERVICES.CLOUDWATCH_MONITORING,
        (Workload.CURATE, Workload.FEATURES, Workload.MONITOR, Workload.ROLLOUT),
        "monitor job and Spark workers put metrics, rollout function reads the endpoint's alarms",
        (
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricData",
        ),
    ),
    InterfaceEndpoint(
        "Logs",
        _SERVICES.CLOUDWATCH_LOGS,
        (Workload.CURATE, Workload.FEATURES),
        "Spark workers send their logs",
        (
            "logs:AssociateKmsKey",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
    ),
)

STORAGE = GatewayEndpoint(
    "S3",
    ec2.GatewayVpcEndpointAwsService.S3,
    (
        Workload.GATE,
        Workload.REGISTRY,
        Workload.POINTERS,
        Workload.CURATE,
        Workload.FEATURES,
        Workload.TRAINING,
        Workload.MONITOR,
        Workload.SERVING,
    ),
    "gate and registry functions, jobs and model containers; pointers function for its answer",
    (
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    ),
)
TABLES = GatewayEndpoint(
    "DynamoDb",
    ec2.GatewayVpcEndpointAwsService.DYNAMODB,
    (Workload.LEASE, Workload.ROLLOUT),
    "lease and rollout functions",
    ("dynamodb:GetItem", "dynamodb:UpdateItem"),
)
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
