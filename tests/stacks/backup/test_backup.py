"""Copies of the lease table: made daily, kept from everybody, and missed when they are not made."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from moto import mock_aws

from config import resource_types
from config.load import load_deployment
from operations.deployed import Resource
from operations.leftovers import leftovers
from stacks.backup.preflight import answers
from stacks.backup.vault import KEPT
from tests.support.alarms import ringing
from tests.support.preflight import stubbed
from tests.synth import resources

VAULT = "AWS::Backup::BackupVault"


def _only(kind: str) -> dict[str, Any]:
    ((stack, _, found),) = resources("prod", kind)
    assert stack == "training"
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_prod_copies_the_lease_table_daily() -> None:
    settings = load_deployment("prod").settings.backup
    assert settings is not None
    (rule,) = _only("AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    assert rule["Lifecycle"] == {"DeleteAfterDays": settings.days}
    assert rule["ScheduleExpression"].startswith("cron(0 4 * * ?")
    selection = _only("AWS::Backup::BackupSelection")["BackupSelection"]
    ((_, table, _),) = resources("prod", "AWS::DynamoDB::Table")
    assert selection["Resources"] == [{"Fn::GetAtt": [table, "Arn"]}]


def test_nobody_deletes_a_copy_by_hand() -> None:
    vault = _only(VAULT)
    assert "MessagesKey" in json.dumps(vault["EncryptionKeyArn"])
    (statement,) = vault["AccessPolicy"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}
    assert set(statement["Action"]) == set(KEPT)


@pytest.mark.parametrize("environment", ["dev", "demo"])
def test_without_the_setting_there_is_no_copy(environment: str) -> None:
    for kind in ("BackupVault", "BackupPlan", "BackupSelection"):
        assert resources(environment, f"AWS::Backup::{kind}") == []


def test_a_backup_that_is_not_made_rings() -> None:
    name = _only(VAULT)["BackupVaultName"]
    for metric in ("NumberOfBackupJobsFailed", "NumberOfBackupJobsAborted"):
        ((_, alarm, watched),) = ringing("prod", metric)
        assert watched == [{"BackupVaultName": name}]
        assert alarm["AlarmDescription"].endswith("#backup-failed")
    assert ringing("dev", "NumberOfBackupJobsFailed") == []


@pytest.mark.parametrize("there", [True, False])
def test_a_vault_that_somebody_else_holds_is_named(there: bool) -> None:
    vaults = [{"BackupVaultName": "flights-prod" if there else "others"}]
    (answer,) = stubbed(
        "backup",
        lambda stub: stub.add_response("list_backup_vaults", {"BackupVaultList": vaults}, {}),
        answers,
        (VAULT, {"BackupVaultName": "flights-prod"}),
    )
    assert answer.stops is there


@mock_aws
def test_a_vault_that_a_deletion_leaves_is_found() -> None:
    session = boto3.Session(region_name="eu-west-1")
    session.client("backup").create_backup_vault(BackupVaultName="kept")
    vaults = [Resource("training", name, VAULT, name) for name in ("kept", "gone")]
    found = leftovers(session, vaults, stacks_left=set())
    assert [(item.physical_id, item.state) for item in found] == [
        ("kept", "kept with its recovery points")
    ]


def test_what_makes_the_service_linked_role_is_what_may_in_cloudformation_s_registry() -> None:
    """The handler that lists iam:CreateServiceLinkedRole: the selection's, not the plan's."""
    types = [name for name in resource_types.table() if name.startswith("AWS::Backup::")]
    making = {
        name
        for name in types
        if "iam:CreateServiceLinkedRole"
        in PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema["handlers"][
            "create"
        ]["permissions"]
    }
    assert making == {name for name in types if resource_types.of(name).linked_role}
    assert making
