"""The table that decides which execution may retrain: lease, cooldown and fencing number.

One item. Written conditionally by the lease function, read before every pointer write. No TTL: an
item that DynamoDB deletes takes the fencing counter with it, and an old execution would be let in.
"""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from config.settings import SharedSettings
from core import names
from stacks.kit.capability import capabilities_of
from stacks.kit.log_group import removal_policy
from stacks.kit.nag import acknowledge


def lease_table(
    scope: Construct, construct_id: str, *, settings: SharedSettings, key: kms.IKey
) -> dynamodb.Table:
    """Create the table: on demand, encrypted, with point-in-time recovery."""
    table = dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name=names.LEASE_KEY, type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=not settings.retention.allow_data_deletion,
        removal_policy=removal_policy(settings),
    )
    copied = [each.table_made(table) for each in capabilities_of(table)]
    if not any(copied):
        _acknowledge_no_backup(table)
    return table


def _acknowledge_no_backup(table: dynamodb.Table) -> None:
    acknowledge(
        table,
        "HIPAA.Security-DynamoDBInBackupPlan",
        "NIST.800.53.R4-DynamoDBInBackupPlan",
        "NIST.800.53.R5-DynamoDBInBackupPlan",
        constraint="The table holds one coordination item that every retraining rewrites; daily "
        "copies of it are optional, and this deployment keeps none.",
        evidence="docs/adr/0031-lease-and-fencing.md",
        control="Point-in-time recovery is on, and the lease function recreates the item when it "
        "is absent.",
    )
