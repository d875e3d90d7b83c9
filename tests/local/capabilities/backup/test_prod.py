"""The production settings copy the lease table."""

from __future__ import annotations

import pytest

from local.platform import Platform
from tests.support.deployments import subject_of

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]


def test_the_lease_table_is_in_a_plan_of_a_vault(prod_deployment: Platform) -> None:
    prod = subject_of(prod_deployment, "prod")
    backup = prod.session.client("backup")
    plan = prod.deployed.one("AWS::Backup::BackupPlan", "training")
    (rule,) = backup.get_backup_plan(BackupPlanId=plan)["BackupPlan"]["Rules"]
    assert rule["TargetBackupVaultName"] == prod.deployed.one(
        "AWS::Backup::BackupVault", "training"
    )
    settings = prod.deployment.settings.backup
    assert settings is not None
    assert rule["Lifecycle"]["DeleteAfterDays"] == settings.days
    (selection,) = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    chosen = backup.get_backup_selection(BackupPlanId=plan, SelectionId=selection["SelectionId"])
    table = prod.deployed.one("AWS::DynamoDB::Table", "training")
    (resource,) = chosen["BackupSelection"]["Resources"]
    assert resource.endswith(f":table/{table}")


def test_the_service_linked_role_was_made_with_the_selection(prod_deployment: Platform) -> None:
    role = prod_deployment.client("iam").get_role(RoleName="AWSServiceRoleForBackup")["Role"]
    assert role["Arn"].endswith("/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup")
