"""What every function, every state machine and every SageMaker job needs to run at all.

Nothing here reaches a record or a model: network interfaces, traces, logs, the container image, the
volumes' key, alerts. Access to data is each role's own or comes from ``lake_readers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.container_image import framework_image
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Keys, Runtimes
from stacks.kit.grants import allow_alert, allow_dead_letters
from stacks.kit.nag import except_from_review
from stacks.kit.sagemaker_names import sagemaker_arn

# Lambda creates its network interfaces itself and offers no resource to scope these calls to. What
# it asks of the one who creates the function (security groups, VPCs) is not the function's to have.
FUNCTION_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
FUNCTION = Reason(
    constraint="Lambda makes the network interfaces of a function in a VPC, and X-Ray takes "
    "segments, through calls that accept no resource.",
    evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    control="The statement names single actions, no data is reachable through them, and the "
    "functions sit in subnets without a route to the internet.",
)
FUNCTION_INTERFACES = Reason(
    constraint="Lambda asks that the role may make and delete interfaces whose ids nobody knows "
    "yet; subnets and groups belong to a stack after this policy.",
    evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    control="No data is reachable through the five calls; the functions sit in subnets without a "
    "route to the internet, behind a security group of their own.",
)
# Log delivery is an account-level API of CloudWatch Logs; none of these calls takes a resource.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
FLOW_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
FLOW = Reason(
    constraint="Log delivery and tracing calls take no resource; jobs get their names when an "
    "execution starts them.",
    evidence="https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html",
    control="Job names start with instance, environment and model, roles are passed to SageMaker "
    "only, and every other grant names one resource.",
)
# SageMaker attaches network interfaces itself; these calls take no resource it could be held to,
# nor does the one that asks the registry for a token.
JOB_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
)
JOB = Reason(
    constraint="The registry token and network-interface calls take no resource; log streams get "
    "their names only when a job starts.",
    evidence="https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    control="Images come from one repository and logs go to one kind of work; data access names "
    "prefixes, and the boundary refuses writes to other accounts.",
)
JOB_INTERFACES = Reason(
    constraint="SageMaker makes, permits and deletes interfaces whose ids nobody knows yet, in "
    "subnets of a stack after this policy, and asks for these calls on every resource.",
    evidence="https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    control="A permission on an interface opens no policy and no data; jobs and endpoints run in "
    "subnets without a route to the internet.",
)
PULL_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
TRAINING, PROCESSING = "TrainingJob", "ProcessingJob"
_RESOURCES = {TRAINING: "training-job", PROCESSING: "processing-job"}


def runtime_policies(
    scope: Construct,
    stack: BaseStack,
    *,
    images: Iterable[str],
    keys: Keys,
    alerts: sns.ITopic,
    dead_letters: sqs.IQueue,
) -> Runtimes:
    """Create the three policies; jobs pull ``images``, names of frameworks."""
    function = CustomerPolicy(
        scope,
        "FunctionRuntime",
        description="Every function: network interfaces, traces, dead letters",
    )
    function.allow(FUNCTION_ACTIONS, ["*"], reason=FUNCTION)
    except_from_review(
        function, "checkov:CKV_AWS_111", "parliament:RESOURCE_STAR", **asdict(FUNCTION_INTERFACES)
    )
    allow_dead_letters(function, dead_letters, keys.messages)
    return Runtimes(
        function=function,
        flow=_flow_runtime(scope, keys.messages, alerts),
        job=_job_runtime(scope, keys.models, [_repository(stack, image) for image in images]),
    )


def _flow_runtime(scope: Construct, messages: kms.IKey, alerts: sns.ITopic) -> CustomerPolicy:
    policy = CustomerPolicy(
        scope,
        "FlowRuntime",
        description="Every state machine: log delivery, traces, alerts",
    )
    policy.allow(FLOW_ACTIONS, ["*"], reason=FLOW)
    allow_alert(policy, alerts, messages)
    return policy


def _job_runtime(scope: Construct, models: kms.IKey, repositories: Sequence[str]) -> CustomerPolicy:
    policy = CustomerPolicy(
        scope,
        "JobRuntime",
        description="Every SageMaker job and endpoint: network interfaces, image, volumes",
    )
    policy.allow(JOB_ACTIONS, ["*"], reason=JOB)
    except_from_review(
        policy,
        "checkov:CKV_AWS_109",
        "checkov:CKV_AWS_111",
        "parliament:RESOURCE_STAR",
        **asdict(JOB_INTERFACES),
    )
    policy.allow(PULL_ACTIONS, repositories)
    # EC2 goes on using the key of a volume after the call, by a grant.
    policy.allow(["kms:DescribeKey"], [models.key_arn])
    policy.allow(
        ["kms:CreateGrant"], [models.key_arn], {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    )
    return policy


def _repository(stack: BaseStack, image: str) -> str:
    """The one repository of an image, in the registry that AWS keeps in the Region."""
    host, _, path = framework_image(image, stack.settings.region).partition("/")
    account, region = host.split(".")[0], host.split(".")[3]
    repository = path.partition(":")[0]
    return f"arn:{stack.partition}:ecr:{region}:{account}:repository/{repository}"


def allow_jobs(policy: CustomerPolicy, stack: BaseStack, kind: str) -> None:
    """Allow a model's SageMaker jobs of one kind, and what ``.sync`` asks to follow them.

    The role of the jobs is passed by the state machine that runs them: its own policy says so.
    """
    jobs = sagemaker_arn(stack, _RESOURCES[kind], f"{stack.names.model_prefix}-*")
    policy.allow(
        [
            f"sagemaker:Create{kind}",
            f"sagemaker:Describe{kind}",
            f"sagemaker:Stop{kind}",
            "sagemaker:AddTags",
            "sagemaker:ListTags",
        ],
        [jobs],
        reason=FLOW,
    )
    rule = f"StepFunctionsGetEventsForSageMaker{kind}sRule"
    events: Sequence[str] = ("events:DescribeRule", "events:PutRule", "events:PutTargets")
    policy.allow(events, [stack.arn("events", f"rule/{rule}")])
