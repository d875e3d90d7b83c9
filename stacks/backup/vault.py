"""A daily copy of a table in a vault that nobody deletes from by hand.

Point-in-time recovery lives and dies with the table; a recovery point outlives it. What is restored
is another table: the lease function never reads it by itself (``docs/adr/0031``).
https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_backup as backup
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.log_group import removal_policy
from stacks.kit.nag import acknowledge
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

DAILY = "cron(0 4 * * ? *)"
ROLE_PAGE = "https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html"
# Only the service expires recovery points; https://docs.aws.amazon.com/aws-backup/latest/devguide/
# create-a-vault-access-policy.html
KEPT = ("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle")


@dataclass(frozen=True, slots=True)
class TableBackupProps:
    """What is copied, under which key, and how long a copy stays."""

    table: dynamodb.ITable
    key: kms.IKey
    """Key of the table; recovery points are under it, too."""
    boundary: iam.IManagedPolicy
    days: int


class TableBackup(Construct):
    """Vault, plan, and the role that AWS Backup copies with."""

    def __init__(self, scope: Construct, construct_id: str, *, props: TableBackupProps) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack_of(self)
        self._props = props
        self.vault_name = f"{self._stack.names.stack_prefix}-{construct_id}".lower()
        self.vault = self._define_vault()
        self.role = self._define_role()
        plan = self._define_plan()
        selection = backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=plan.attr_backup_plan_id,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                selection_name="table",
                iam_role_arn=self.role.role.role_arn,
                resources=[props.table.table_arn],
            ),
        )
        selection.node.add_dependency(self.role.policy)

    def _define_vault(self) -> backup.CfnBackupVault:
        kept = iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=list(KEPT),
            principals=[iam.AnyPrincipal()],
            resources=["*"],
        )
        vault = backup.CfnBackupVault(
            self,
            "Vault",
            # The type has no generated name; one vault for each table of a deployment.
            backup_vault_name=self.vault_name,
            encryption_key_arn=self._props.key.key_arn,
            access_policy=iam.PolicyDocument(statements=[kept]).to_json(),
        )
        vault.apply_removal_policy(removal_policy(self._stack.settings))
        return vault

    def _define_role(self) -> ServiceRole:
        props, stack = self._props, self._stack
        role = ServiceRole(
            self,
            "Role",
            props=ServiceRoleProps(
                service="backup.amazonaws.com",
                description="Copies a table into its backup vault",
                path=stack.names.role_path,
                boundary=props.boundary,
            ),
        )
        table = props.table.table_arn
        role.allow(
            [
                "dynamodb:CreateBackup",
                "dynamodb:DescribeTable",
                "dynamodb:ListTagsOfResource",
                "dynamodb:StartAwsBackupJob",
            ],
            [table],
        )
        copies = f"{table}/backup/*"
        role.allow(["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"], [copies])
        role.allow(
            ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"],
            [self.vault.attr_backup_vault_arn],
        )
        self._allow_key(role)
        acknowledge(
            role.policy,
            f"AwsSolutions-IAM5[Resource::{copies}]",
            constraint="DynamoDB names each backup itself, below the table's own ARN, and the "
            "role has to follow and expire those it made.",
            evidence=ROLE_PAGE,
            control="Backups of this one table only; the vault's policy denies deleting recovery "
            "points to everybody.",
        )
        return role

    def _allow_key(self, role: ServiceRole) -> None:
        """As the service's own policy has it: the table through DynamoDB, the vault by a grant.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html
        """
        key, region = self._props.key.key_arn, self._stack.region
        services = [f"{name}.{region}.amazonaws.com" for name in ("backup", "dynamodb")]
        role.allow(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key],
            {"StringEquals": {"kms:ViaService": services}},
        )
        role.allow(["kms:DescribeKey"], [key])
        role.allow(["kms:CreateGrant"], [key], {"Bool": {"kms:GrantIsForAWSResource": "true"}})

    def _define_plan(self) -> backup.CfnBackupPlan:
        rule = backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
            rule_name="daily",
            target_backup_vault=self.vault.ref,
            schedule_expression=DAILY,
            lifecycle=backup.CfnBackupPlan.LifecycleResourceTypeProperty(
                delete_after_days=self._props.days
            ),
        )
        return backup.CfnBackupPlan(
            self,
            "Plan",
            backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
                backup_plan_name=f"{self._stack.names.stack_prefix}-{self.node.id}".lower(),
                backup_plan_rule=[rule],
            ),
        )
