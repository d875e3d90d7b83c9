"""The kinds of workload that have a security group of their own, and what each calls.

A group stands for one set of services and one sensitivity: two workloads share one only if they
call the same services and neither could harm the other. ``docs/review/reachability.yaml`` says what
each may open a connection to, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Workload(StrEnum):
    """Workloads by group. A function's value is its folder below ``lambdas/``, a Spark job's its
    script below ``glue_jobs/``.
    """

    TRANSFORM = "transform"
    ROUTER = "router"
    LEASE = "lease"
    GATE = "gate"
    REGISTRY = "registry"
    ROLLOUT = "rollout"
    POINTERS = "pointers"
    CURATE = "curate"
    FEATURES = "features"
    TRAINING = "training"
    MONITOR = "monitor"
    SERVING = "serving"


class Service(StrEnum):
    """Services that the isolated VPC reaches; a value is the construct id of the endpoint."""

    KMS = "Kms"
    SAGEMAKER_RUNTIME = "SageMakerRuntime"
    SAGEMAKER_API = "SageMakerApi"
    SSM = "Ssm"
    CLOUDFORMATION = "CloudFormation"
    CLOUDWATCH = "CloudWatch"
    LOGS = "Logs"
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


_PSEUDONYMS = Calls(Service.KMS, "derives the key of the pseudonyms", ("kms:GenerateMac",))
_LEASE = ("dynamodb:GetItem", "dynamodb:UpdateItem")
_METRICS = ("cloudwatch:PutMetricData",)
_WRITES = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject")
_SPARK = (
    Calls(
        Service.S3, "Spark reads and writes the zones",
        ("s3:DeleteObject", "s3:GetBucketLocation", *_WRITES),
    ),
    Calls(Service.CLOUDWATCH, "Spark workers put metrics", _METRICS),
    Calls(
        Service.LOGS, "Spark workers send their logs",
        ("logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream",
         "logs:PutLogEvents"),
    ),
)  # fmt: skip

# Glue refuses a connection whose group has no rule among its own members on all TCP ports. Curate
# has one apart from features, for its workers hold classified values in clear. SageMaker asks for
# such a rule for clusters only, and every job here has one instance.
# https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
GROUPS = {
    Workload.TRANSFORM: Group("transform functions of the delivery streams", (_PSEUDONYMS,)),
    Workload.ROUTER: Group(
        "router function of the API",
        (
            _PSEUDONYMS,
            Calls(
                Service.SAGEMAKER_RUNTIME, "invokes the endpoint", ("sagemaker:InvokeEndpoint",)
            ),
        ),
    ),
    Workload.LEASE: Group(
        "lease function", (Calls(Service.DYNAMODB, "takes and gives back the lease", _LEASE),)
    ),
    Workload.GATE: Group(
        "gate function",
        (Calls(Service.S3, "reads statistics and evaluations", ("s3:GetObject",)),),
    ),
    Workload.REGISTRY: Group(
        "registry function",
        (
            Calls(Service.S3, "reads evaluations", ("s3:GetObject",)),
            Calls(
                Service.SAGEMAKER_API, "describes and registers packages",
                ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"),
            ),
            Calls(Service.SSM, "reads the champion's pointer", ("ssm:GetParameter",)),
        ),
    ),
    Workload.CURATE: Group(
        "Spark workers of the curate job", (_PSEUDONYMS, *_SPARK), among_itself=True
    ),
    Workload.FEATURES: Group("Spark workers of the features job", _SPARK, among_itself=True),
    Workload.TRAINING: Group(
        "SageMaker training and evaluation jobs",
        (Calls(Service.S3, "inputs and outputs of the jobs", _WRITES),),
    ),
    Workload.MONITOR: Group(
        "SageMaker monitor job",
        (
            Calls(Service.S3, "inputs and output of the job", _WRITES),
            Calls(Service.CLOUDWATCH, "puts the metrics of the model", _METRICS),
        ),
    ),
    Workload.ROLLOUT: Group(
        "rollout function",
        (
            Calls(
                Service.SAGEMAKER_API, "sets the weights of the variants",
                ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"),
            ),
            Calls(
                Service.SSM, "moves the model pointers", ("ssm:GetParameters", "ssm:PutParameter")
            ),
            Calls(
                Service.CLOUDFORMATION, "updates the serving stack",
                ("cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks",
                 "cloudformation:UpdateStack"),
            ),
            Calls(
                Service.CLOUDWATCH, "reads the endpoint's alarms",
                ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"),
            ),
            Calls(Service.DYNAMODB, "checks that its execution holds the lease", _LEASE),
        ),
    ),
    Workload.POINTERS: Group(
        "pointers custom resource",
        (
            Calls(
                Service.SSM, "creates and deletes the model pointers",
                ("ssm:DeleteParameters", "ssm:PutParameter"),
            ),
            # By a URL that CloudFormation signed.
            Calls(Service.S3, "puts its answer where CloudFormation waits for it"),
        ),
    ),
    Workload.SERVING: Group(
        "model containers of the SageMaker endpoint",
        (Calls(Service.S3, "model archives are loaded through the containers' network", _WRITES),),
    ),
}  # fmt: skip


def users(service: Service) -> dict[Workload, Calls]:
    """Workloads that call a service, and what."""
    found = {workload: group.of(service) for workload, group in GROUPS.items()}
    return {workload: calls for workload, calls in found.items() if calls}
