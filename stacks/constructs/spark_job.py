"""A Glue Spark job: its own role, our VPC, our encryption, arguments by name.

The job runs inside the VPC although plain S3 access would not need it: the curate job handles
classified values in clear, and the endpoint policies keep it from sending them to another account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.base_stack import BaseStack
from stacks.constructs.code_bundle import ROOT
from stacks.constructs.foundation import Foundation
from stacks.constructs.service_role import ServiceRole, ServiceRoleProps
from stacks.nag import acknowledge

# The engine that the local platform runs, too: Spark 3.5.4, Python 3.11, Java 17.
GLUE_VERSION = "5.0"
DESCRIBE_NETWORK_ACTIONS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
)


@dataclass(frozen=True, slots=True)
class SparkJobProps:
    """What differs between jobs."""

    script: str
    """File below ``glue_jobs/``, without suffix."""
    description: str
    foundation: Foundation
    encryption: glue.CfnSecurityConfiguration
    modules: assets.Asset
    """``glue.zip``."""
    contract: assets.Asset
    connection: glue.CfnConnection
    arguments: Mapping[str, str]
    """Default arguments, without the leading dashes."""
    concurrent_runs: int = 1


class SparkJob(Construct):
    """The job and its role; grants on data are the caller's."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: SparkJobProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self._script = assets.Asset(
            self, "Script", path=str(ROOT / "glue_jobs" / f"{props.script}.py")
        )
        self.role = self._define_role()
        self.job = self._define_job()
        self.job.node.add_dependency(self.role.policy)

    @property
    def job_name(self) -> str:
        """Generated name of the job."""
        return self.job.ref

    @property
    def job_arn(self) -> str:
        """ARN of the job, for ``glue:StartJobRun`` grants."""
        return self._stack.format_arn(service="glue", resource="job", resource_name=self.job.ref)

    def _define_role(self) -> ServiceRole:
        role = ServiceRole(
            self,
            "Execution",
            props=ServiceRoleProps(
                service="glue.amazonaws.com",
                description=f"Runs the {self._props.script} job",
                path=self._stack.names.role_path,
                boundary=self._props.foundation.security.boundary,
            ),
        )
        self._allow_code(role)
        self._allow_logs_and_metrics(role)
        self._allow_network(role)
        _acknowledge(role)
        return role

    def _allow_code(self, role: ServiceRole) -> None:
        """Exactly the objects that this job is made of, in the bootstrap bucket."""
        used = (self._script, self._props.modules, self._props.contract)
        role.allow(
            ["s3:GetObject"],
            [asset.bucket.arn_for_objects(asset.s3_object_key) for asset in used],
        )

    def _allow_logs_and_metrics(self, role: ServiceRole) -> None:
        role.allow(
            [
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
            ],
            [log_groups(self._stack)],
        )
        role.allow(
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": "Glue"}},
        )

    def _allow_network(self, role: ServiceRole) -> None:
        """Glue attaches its workers to the subnet of the connection under the job's own role."""
        stack, props = self._stack, self._props
        role.allow(DESCRIBE_NETWORK_ACTIONS, ["*"])
        network = props.foundation.network
        interfaces = network_interfaces(stack)
        role.allow(
            ["ec2:CreateNetworkInterface"],
            [
                interfaces,
                stack.format_arn(
                    service="ec2",
                    resource="subnet",
                    resource_name=network.vpc.isolated_subnets[0].subnet_id,
                ),
                stack.format_arn(
                    service="ec2",
                    resource="security-group",
                    resource_name=network.security_groups.jobs.security_group_id,
                ),
            ],
        )
        role.allow(
            ["ec2:DeleteNetworkInterface"],
            [interfaces],
            {"StringEquals": {"ec2:Vpc": self._vpc_arn()}},
        )
        role.allow(
            ["ec2:CreateTags"],
            [interfaces],
            {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
        )
        role.allow(
            ["glue:GetConnection"],
            [
                stack.format_arn(service="glue", resource="catalog"),
                stack.format_arn(
                    service="glue", resource="connection", resource_name=props.connection.ref
                ),
            ],
        )

    def _vpc_arn(self) -> str:
        return self._stack.format_arn(
            service="ec2",
            resource="vpc",
            resource_name=self._props.foundation.network.vpc.vpc_id,
        )

    def _define_job(self) -> glue.CfnJob:
        props, settings = self._props, self._stack.settings.processing
        return glue.CfnJob(
            self,
            "Job",
            description=props.description,
            role=self.role.role.role_arn,
            glue_version=GLUE_VERSION,
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=self._script.s3_object_url
            ),
            worker_type=settings.worker_type,
            number_of_workers=settings.workers,
            timeout=settings.timeout_minutes,
            max_retries=0,
            execution_property=glue.CfnJob.ExecutionPropertyProperty(
                max_concurrent_runs=props.concurrent_runs
            ),
            security_configuration=props.encryption.ref,
            connections=glue.CfnJob.ConnectionsListProperty(connections=[props.connection.ref]),
            default_arguments=self._arguments(),
        )

    def _arguments(self) -> dict[str, str]:
        ours = {f"--{name}": value for name, value in self._props.arguments.items()}
        return ours | {
            "--input_contract": self._props.contract.s3_object_url,
            "--extra-py-files": self._props.modules.s3_object_url,
            "--job-bookmark-option": "job-bookmark-disable",
            "--enable-continuous-cloudwatch-log": "true",
            "--enable-metrics": "true",
        }


def _acknowledge(role: ServiceRole) -> None:
    stack = BaseStack.of(role)
    acknowledge(
        role.policy,
        "AwsSolutions-IAM5[Resource::*]",
        f"AwsSolutions-IAM5[Resource::{network_interfaces(stack)}]",
        f"AwsSolutions-IAM5[Resource::{log_groups(stack)}]",
        constraint="Glue makes network interfaces and log groups while a job runs, so their names "
        "are unknown here; describing a network and putting a metric accept no resource.",
        evidence="https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html",
        control="Interfaces can be deleted in this VPC only, metrics go to Glue's namespace only, "
        "and the log groups are Glue's own.",
    )


def network_interfaces(stack: Stack) -> str:
    """Every network interface of the account and Region."""
    return stack.format_arn(service="ec2", resource="network-interface", resource_name="*")


def log_groups(stack: Stack) -> str:
    """The log groups that Glue makes for jobs."""
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws-glue/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
