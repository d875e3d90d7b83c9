"""What keeps evidence: the trail's lock, and the stage's certificate."""

from __future__ import annotations

import pytest

from config.load import load_deployment
from stacks.audit.audit_trail import DELETABLE_LOCK_DAYS, LOCK_DAYS
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


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_stage_has_a_client_certificate(environment: str) -> None:
    ((_, certificate, _),) = resources(environment, "AWS::ApiGateway::ClientCertificate")
    ((_, _, stage),) = resources(environment, "AWS::ApiGateway::Stage")
    found = stage["Properties"]["ClientCertificateId"]
    assert found == {"Fn::GetAtt": [certificate, "ClientCertificateId"]}
