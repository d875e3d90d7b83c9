"""Where Glue attaches the workers of a Spark job, and how all of them encrypt."""

from __future__ import annotations

from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Network
from stacks.kit.nag import acknowledge


def vpc_connection(
    scope: Construct, construct_id: str, *, stack: BaseStack, network: Network, group: str
) -> glue.CfnConnection:
    """Where Glue attaches workers: one subnet, in the first zone, which has every endpoint."""
    connection = glue.CfnConnection(
        scope,
        construct_id,
        catalog_id=stack.account,
        connection_input=glue.CfnConnection.ConnectionInputProperty(
            connection_type="NETWORK",
            description="Isolated subnet of the Millrace VPC",
            physical_connection_requirements=(
                glue.CfnConnection.PhysicalConnectionRequirementsProperty(
                    availability_zone=stack.settings.network.availability_zones[0],
                    subnet_id=network.vpc.isolated_subnets[0].subnet_id,
                    security_group_id_list=[group],
                )
            ),
        ),
    )
    acknowledge(
        connection,
        "CloudFormation-Validate::W3010",
        constraint="Zone names are settings: Glue's connection has to name the zone of its subnet.",
        evidence="docs/adr/0025-zones-are-settings.md",
        control="Subnet and zone come from the same, first entry of the settings' list.",
    )
    return connection


def job_encryption(
    scope: Construct,
    construct_id: str,
    *,
    stack: BaseStack,
    logs_key: kms.IKey,
    key: kms.IKey,
    suffix: str = "",
) -> glue.CfnSecurityConfiguration:
    """What jobs write, log and remember is encrypted under the keys of its domain.

    Glue names ``key`` with each object, whichever bucket it writes to: jobs that write to buckets
    of different keys need a configuration each. ``suffix`` tells their names apart.
    """
    config = glue.CfnSecurityConfiguration
    return glue.CfnSecurityConfiguration(
        scope,
        construct_id,
        # Required by CloudFormation; jobs name it.
        name=f"{stack.names.stack_prefix}{suffix}",
        encryption_configuration=config.EncryptionConfigurationProperty(
            s3_encryptions=[
                config.S3EncryptionProperty(s3_encryption_mode="SSE-KMS", kms_key_arn=key.key_arn)
            ],
            cloud_watch_encryption=config.CloudWatchEncryptionProperty(
                cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=logs_key.key_arn
            ),
            job_bookmarks_encryption=config.JobBookmarksEncryptionProperty(
                job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key.key_arn
            ),
        ),
    )
