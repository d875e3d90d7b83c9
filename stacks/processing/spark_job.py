"""A Glue Spark job: its own role, our VPC, our encryption, arguments by name.

The job runs inside the VPC although plain S3 access would not need it: the curate job handles
classified values in clear, and the endpoint policies keep it from sending them to another account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from bundles.archives import ROOT
from core import names
from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Network
from stacks.kit.job_surroundings import vpc_connection
from stacks.kit.log_group import named_log_group
from stacks.kit.service_role import ServiceRole, ServiceRoleProps
from stacks.processing.spark_runtime import allow_connection

# The engine that the local platform runs, too: Spark 3.5.6, Python 3.11, Java 17.
GLUE_VERSION = "5.1"
# Of Spark and Glue, and of what the script prints.
LOG_KINDS = ("error", "output")
# Glue makes a group that is not there and puts it under the configuration's key, each at the start
# of a run; it logs nothing where it may not.
LOG_ACTIONS = (
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)

_ICEBERG = "org.apache.iceberg"
_CATALOG = f"spark.sql.catalog.{names.CATALOG}"
# Glue takes settings beyond the first behind further "--conf".
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html
SPARK_CONF = " --conf ".join(
    f"{name}={value}"
    for name, value in {
        "spark.sql.extensions": f"{_ICEBERG}.spark.extensions.IcebergSparkSessionExtensions",
        _CATALOG: f"{_ICEBERG}.spark.SparkCatalog",
        f"{_CATALOG}.catalog-impl": f"{_ICEBERG}.aws.glue.GlueCatalog",
        f"{_CATALOG}.io-impl": f"{_ICEBERG}.aws.s3.S3FileIO",
    }.items()
)


@dataclass(frozen=True, slots=True)
class SparkJobProps:
    """What differs between jobs."""

    script: str
    """File below ``glue_jobs/``, without suffix; the security group is that workload's."""
    description: str
    boundary: iam.IManagedPolicy
    policies: Sequence[CustomerPolicy]
    """``SparkRuntime`` and what else the job shares."""
    encryption: glue.CfnSecurityConfiguration
    logs_key: kms.IKey
    """That of ``encryption`` for logs."""
    modules: assets.Asset
    """``glue.zip``."""
    contract: assets.Asset
    network: Network
    arguments: Mapping[str, str]
    """Default arguments, without the leading dashes."""
    database: str
    """Of the Glue catalog: where the lake's tables are."""
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
        group = props.network.security_groups[props.script].security_group_id
        self._connection = vpc_connection(
            self, "Connection", stack=stack, network=props.network, group=group
        )
        self.role = self._define_role()
        allow_connection(self.role, props.network, connection=self._connection.ref, group=group)
        self.logs = {kind: self._define_log(kind) for kind in LOG_KINDS}
        self.job = self._define_job()
        self.job.node.add_dependency(self.role.policy, *self.logs.values())

    @property
    def job_name(self) -> str:
        """Generated name of the job."""
        return self.job.ref

    @property
    def job_arn(self) -> str:
        """ARN of the job, for ``glue:StartJobRun`` grants."""
        return self._stack.arn("glue", f"job/{self.job.ref}")

    def locate(self, *buckets: s3.IBucket) -> None:
        """Allow asking for the Region of buckets, which Glue does before it opens one."""
        self.role.allow(["s3:GetBucketLocation"], [bucket.bucket_arn for bucket in buckets])

    def _define_role(self) -> ServiceRole:
        props = self._props
        role = ServiceRole(
            self,
            "Execution",
            props=ServiceRoleProps(
                service="glue.amazonaws.com",
                description=f"Runs the {props.script} job",
                path=self._stack.names.role_path,
                boundary=props.boundary,
                policies=props.policies,
            ),
        )
        script = self._script
        role.allow(["s3:GetObject"], [script.bucket.arn_for_objects(script.s3_object_key)])
        return role

    def _define_log(self, kind: str) -> logs.CfnLogGroup:
        """One of the groups that Glue 5 writes to under a security configuration that covers logs.

        Its name holds configuration, path and name of the role, so no other deployment has it.
        https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
        """
        owner = f"{self._props.encryption.name}-role{self._stack.names.role_path}"
        group = named_log_group(
            self,
            f"{kind.capitalize()}Log",
            name=f"/aws-glue/jobs/{owner}{self.role.role.role_name}/{kind}",
            settings=self._stack.settings,
            key=self._props.logs_key,
        )
        self.role.allow(LOG_ACTIONS, [group.attr_arn])
        return group

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
            connections=glue.CfnJob.ConnectionsListProperty(connections=[self._connection.ref]),
            default_arguments=self._arguments(),
        )

    def _arguments(self) -> dict[str, str]:
        ours = {f"--{name}": value for name, value in self._props.arguments.items()}
        return ours | {
            "--input_contract": self._props.contract.s3_object_url,
            "--database": self._props.database,
            "--datalake-formats": "iceberg",
            "--conf": SPARK_CONF,
            "--extra-py-files": self._props.modules.s3_object_url,
            "--job-bookmark-option": "job-bookmark-disable",
            "--enable-continuous-cloudwatch-log": "true",
            "--enable-metrics": "true",
        }
