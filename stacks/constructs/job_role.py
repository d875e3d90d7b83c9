"""What a SageMaker job or endpoint may do: pull its image, use the VPC, log, read, write.

One role for each kind of work. Data access is added by the stack that knows the prefixes, through
:meth:`JobRole.data`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import ArnFormat
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.base_stack import stack_of
from stacks.constructs.foundation import Foundation
from stacks.constructs.grants import allow_objects
from stacks.constructs.service_role import ServiceRole, ServiceRoleProps
from stacks.constructs.tar_asset import SUFFIX, TarAsset
from stacks.nag import acknowledge

SEED_ADR = "docs/adr/0032-seed-model-in-the-asset-bucket.md"
ROLES_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"
# SageMaker attaches network interfaces itself; these calls take no resource it could be held to.
NETWORK_INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


@dataclass(frozen=True, slots=True)
class JobRoleProps:
    """What differs between kinds of work."""

    description: str
    foundation: Foundation
    image_uri: str
    log_group: str
    """Log group that SageMaker writes to, such as ``/aws/sagemaker/TrainingJobs``."""
    metric_namespace: str | None = None
    path: str | None = None
    """IAM path, where it is not that of roles whose calls leave from our network."""


class JobRole(Construct):
    """The role; ``arn`` is what jobs and models name."""

    def __init__(self, scope: Construct, construct_id: str, *, props: JobRoleProps) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._role = ServiceRole(
            self,
            "Execution",
            props=ServiceRoleProps(
                service="sagemaker.amazonaws.com",
                description=props.description,
                path=props.path or stack.names.role_path,
                boundary=props.foundation.security.boundary,
            ),
        )
        self._findings = ["AwsSolutions-IAM5[Resource::*]"]
        self._allow_image(props.image_uri)
        self._role.allow(NETWORK_INTERFACE_ACTIONS, ["*"])
        self._allow_logs(props.log_group)
        if props.metric_namespace:
            self._allow_metrics(props.metric_namespace)

    @property
    def arn(self) -> str:
        """ARN of the role."""
        return self._role.role.role_arn

    @property
    def role(self) -> ServiceRole:
        """The role with its policy; depend on it to wait for both."""
        return self._role

    def _allow_image(self, image_uri: str) -> None:
        """ECR: the token call takes no resource; pulling is allowed from the one repository."""
        host, _, path = image_uri.partition("/")
        account, region = host.split(".")[0], host.split(".")[3]
        repository = path.partition(":")[0]
        self._role.allow(["ecr:GetAuthorizationToken"], ["*"])
        self._role.allow(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            [f"arn:{self._stack.partition}:ecr:{region}:{account}:repository/{repository}"],
        )

    def _allow_logs(self, log_group: str) -> None:
        """CloudWatch Logs: SageMaker creates group and streams under a name of its own."""
        arn = self._stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{log_group}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._role.allow(
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            [arn],
        )
        self._findings.append(f"AwsSolutions-IAM5[Resource::{arn}]")

    def _allow_metrics(self, namespace: str) -> None:
        """CloudWatch: metrics have no resource, so the namespace is the limit."""
        self._role.allow(
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": namespace}},
        )

    def data(
        self,
        bucket: s3.IBucket,
        key: kms.IKey,
        *,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
    ) -> None:
        """Allow reading and writing below prefixes of a bucket under its key."""
        allow_objects(self._role, bucket, key, read=read, write=write)

    def read_asset(self, asset: assets.Asset | TarAsset) -> None:
        """Allow reading one file that the deployment published."""
        self._role.allow(
            ["s3:ListBucket"],
            [asset.bucket.bucket_arn],
            {"StringLike": {"s3:prefix": [asset.s3_object_key]}},
        )
        self._role.allow(["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key)])

    def read_seeds(self, seed: TarAsset) -> None:
        """Allow reading every published model archive, not only this template's seed.

        A change of the serving code makes a new seed, while an earlier one may still be champion:
        its endpoint has to start instances and its evaluation has to load it.
        """
        archives = seed.bucket.arn_for_objects(f"*{SUFFIX}")
        self._role.allow(["s3:ListBucket"], [seed.bucket.bucket_arn])
        self._role.allow(["s3:GetObject"], [archives])
        acknowledge(
            self._role.policy,
            f"AwsSolutions-IAM5[Resource::{archives}]",
            constraint="Assets are named by digest, and the champion may be the seed of an earlier "
            "deploy, whose digest this template no longer knows.",
            evidence=SEED_ADR,
            control="The bucket holds published code and seed models, no records; the role reads "
            "archives of that one suffix and writes none.",
        )

    def use_volume_key(self, key: kms.IKey) -> None:
        """KMS: EC2 goes on using the key of a volume after the call, by a grant."""
        self._role.allow(["kms:DescribeKey"], [key.key_arn])
        self._role.allow(
            ["kms:CreateGrant"],
            [key.key_arn],
            {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )

    def acknowledge(self) -> None:
        """Record the findings on the policy; call after the last grant."""
        acknowledge(
            self._role.policy,
            *dict.fromkeys(self._findings),
            constraint="The registry token, network-interface and metric calls take no resource; "
            "log streams get their names only when a job starts.",
            evidence=ROLES_PAGE,
            control="Metrics keep to one namespace and logs to one kind of work; data access "
            "names prefixes, and the boundary refuses writes to other accounts.",
        )
