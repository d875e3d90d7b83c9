"""What keeps evidence and coordination: the trail's lock, copies of the lease table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.load import load_deployment
from stacks.audit.audit_trail import DELETABLE_LOCK_DAYS, LOCK_DAYS
from stacks.backup.vault import KEPT
from tests.synth import ENVIRONMENTS, resources


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_trail_is_locked_by_default_and_nothing_else_is(environment: str) -> None:
    deletable = load_deployment(environment).settings.retention.allow_data_deletion
    days = DELETABLE_LOCK_DAYS if deletable else LOCK_DAYS
    for stack, logical_id, bucket in resources(environment, "AWS::S3::Bucket"):
        properties = bucket["Properties"]
        if stack != "audit":
            assert not properties.get("ObjectLockEnabled"), logical_id
            assert "ObjectLockConfiguration" not in properties, logical_id
            continue
        assert properties["ObjectLockEnabled"] is True
        retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        assert retention == {"Mode": "GOVERNANCE", "Days": days}
        (expiry,) = (
            rule["ExpirationInDays"]
            for rule in properties["LifecycleConfiguration"]["Rules"]
            if "ExpirationInDays" in rule
        )
        assert expiry > days


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
    vault = _only("AWS::Backup::BackupVault")
    assert "MessagesKey" in json.dumps(vault["EncryptionKeyArn"])
    (statement,) = vault["AccessPolicy"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}
    assert set(statement["Action"]) == set(KEPT)


@pytest.mark.parametrize("environment", ["dev", "demo"])
def test_without_the_setting_there_is_no_copy(environment: str) -> None:
    for kind in ("BackupVault", "BackupPlan", "BackupSelection"):
        assert resources(environment, f"AWS::Backup::{kind}") == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_stage_has_a_client_certificate(environment: str) -> None:
    ((_, certificate, _),) = resources(environment, "AWS::ApiGateway::ClientCertificate")
    ((_, _, stage),) = resources(environment, "AWS::ApiGateway::Stage")
    found = stage["Properties"]["ClientCertificateId"]
    assert found == {"Fn::GetAtt": [certificate, "ClientCertificateId"]}
