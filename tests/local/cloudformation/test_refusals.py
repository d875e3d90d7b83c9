"""Deploys that AWS refuses stop here with its reason, and create-only properties replace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.platform import Platform
from tests.support.probe_stack import Template, deploy, deployed, failure_reasons

pytestmark = pytest.mark.platform

STACK = "refusals"


def _log_group(**properties: Any) -> Template:
    return {
        "Resources": {"Kept": {"Type": "AWS::Logs::LogGroup", "Properties": properties}},
        "Outputs": {"Name": {"Value": {"Ref": "Kept"}}},
    }


def _database(catalog_type: str, name: str | None = None) -> Template:
    database = {"Description": catalog_type, **({"Name": name} if name else {})}
    properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": database}
    properties["DatabaseName"] = catalog_type
    return {
        "Resources": {"Kept": {"Type": "AWS::Glue::Database", "Properties": properties}},
        "Outputs": {"Name": {"Value": {"Ref": "Kept"}}},
    }


@pytest.fixture
def stack(platform: Platform) -> Iterator[str]:
    yield STACK
    platform.client("cloudformation").delete_stack(StackName=STACK)


def test_what_the_schema_forbids_is_not_created(platform: Platform, stack: str) -> None:
    with pytest.raises(WaiterError):
        deploy(platform, stack, _log_group(RetentionInDays=31))
    reasons = failure_reasons(platform, stack)
    assert any("#/RetentionInDays" in reason for reason in reasons), reasons


def test_what_the_schema_forbids_is_not_updated(platform: Platform) -> None:
    with deployed(platform, "refusals-update", _log_group(RetentionInDays=30)):
        with pytest.raises(WaiterError):
            deploy(platform, "refusals-update", _log_group(RetentionInDays=31))
        reasons = failure_reasons(platform, "refusals-update")
        assert any("#/RetentionInDays" in reason for reason in reasons), reasons


def test_a_create_only_property_replaces(platform: Platform) -> None:
    with deployed(platform, "refusals-replace", _database("first")) as before:
        after = deploy(platform, "refusals-replace", _database("second"))
        assert before["Name"] != after["Name"]
