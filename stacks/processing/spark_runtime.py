"""What every Glue Spark job needs to run: the modules, Glue's metrics, the subnet.

Glue attaches its workers to the subnet of the connection under the job's own role, and asks for the
whole network before it does. Connection and security group are each job's own (``spark_job``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Network
from stacks.kit.service_role import ServiceRole

DESCRIBE_NETWORK_ACTIONS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
)
MADE_BY_GLUE = Reason(
    constraint="Glue makes network interfaces while a job runs, so their ids are unknown here; "
    "describing a network and putting a metric accept no resource.",
    evidence="https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html",
    control="Interfaces can be deleted in this VPC only, and metrics go to Glue's namespace only.",
)


@dataclass(frozen=True, slots=True)
class SparkRuntimeProps:
    """What all Spark jobs share."""

    vpc_arn: str
    modules: assets.Asset
    """``glue.zip``."""
    contracts: Sequence[assets.Asset]


def spark_runtime(scope: Construct, props: SparkRuntimeProps) -> CustomerPolicy:
    """Create the policy that every Spark job's role attaches."""
    policy = CustomerPolicy(
        scope,
        "SparkRuntime",
        description="Every Spark job: modules, contract, metrics, network interfaces",
    )
    shared = (props.modules, *props.contracts)
    policy.allow(
        ["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key) for asset in shared]
    )
    policy.allow(
        ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": "Glue"}}
    )
    policy.allow(DESCRIBE_NETWORK_ACTIONS, ["*"], reason=MADE_BY_GLUE)
    policy.allow(["ec2:DescribeVpcAttribute"], [props.vpc_arn])
    return policy


def allow_connection(role: ServiceRole, network: Network, *, connection: str, group: str) -> None:
    """Let Glue attach workers under a job's role: by one connection, in one subnet and one group.

    Not shared: a job that could use the other's group could reach what the other may.
    """
    stack = stack_of(role)

    def ec2(resource: str, name: str) -> str:
        return stack.arn("ec2", f"{resource}/{name}")

    role.allow(
        ["glue:GetConnection"],
        [
            stack.arn("glue", "catalog"),
            stack.arn("glue", f"connection/{connection}"),
        ],
    )
    interfaces, vpc = ec2("network-interface", "*"), ec2("vpc", network.vpc.vpc_id)
    subnet = ec2("subnet", network.vpc.isolated_subnets[0].subnet_id)
    role.allow(
        ["ec2:CreateNetworkInterface"],
        [interfaces, subnet, ec2("security-group", group)],
        reason=MADE_BY_GLUE,
    )
    role.allow(["ec2:DeleteNetworkInterface"], [interfaces], {"ArnEquals": {"ec2:Vpc": vpc}})
    role.allow(
        ["ec2:CreateTags"],
        [interfaces],
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
    )
