"""Zones and catalog: what the lake promises about encryption, access, retention and schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.load import load_deployment
from core import names
from stacks.data_lake.tables import ARRIVALS, table_definitions
from tests.synth import ENVIRONMENTS, resources, templates

ZONES = ("Landing", "Raw", "Curated", "Features", "Artifacts", "Monitoring")


def _contract() -> dict[str, Any]:
    return load_deployment("dev").contract


def _zone(environment: str, zone: str) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]
        for stack, logical_id, resource in resources(environment, "AWS::S3::Bucket")
        if stack == "data-lake" and logical_id.startswith(f"{zone}Bucket")
    )
    return found


def test_columns_are_the_contract_s_fields_in_its_order() -> None:
    contract = _contract()
    tables = {table.name: table for table in table_definitions(contract)}
    for record, streamed, curated in (
        ("event", names.TABLE_EVENTS_STREAM, names.TABLE_EVENTS),
        ("label", names.TABLE_LABELS_STREAM, names.TABLE_LABELS),
    ):
        expected = [(field["name"], field["glue_type"]) for field in contract[record]["fields"]]
        found = tables[streamed]
        assert [(column.name, column.glue_type) for column in found.columns] == expected
        assert [column.name for column in found.partitions] == [names.ARRIVED]
        born = tables[curated]
        assert [column.name for column in born.columns] == [contract[record]["id_field"]]


def test_no_version_of_the_contract_changes_the_birth_of_a_table() -> None:
    """CloudFormation breaks an Iceberg table that it updates: the jobs raise it instead."""
    contract = _contract()
    born = [table for table in table_definitions(contract) if table.iceberg]
    assert {table.name for table in born} == set(names.CURATED)
    for record in ("event", "label"):
        kept = {contract[record]["id_field"]}
        contract[record]["fields"] = [
            one | {"description": "other", "glue_type": "string"}
            for one in contract[record]["fields"]
            if one["name"] in kept
        ]
    assert [table for table in table_definitions(contract) if table.iceberg] == born


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_queries_find_every_day_on_which_records_arrived(environment: str) -> None:
    """The streams' tables have Firehose's folders: from before any deployment until today."""
    streamed = (names.TABLE_EVENTS_STREAM, names.TABLE_LABELS_STREAM)
    assert _projected(environment, names.ARRIVED) == {name: list(ARRIVALS) for name in streamed}
    for _, _, stream in resources(environment, "AWS::KinesisFirehose::DeliveryStream"):
        prefix = stream["Properties"]["ExtendedS3DestinationConfiguration"]["Prefix"]
        assert prefix.endswith(f"/{names.ARRIVED}=!{{timestamp:yyyy-MM-dd}}/")


def _projected(environment: str, partition: str) -> dict[str, list[str]]:
    """First and last date of each table that has the partition."""
    found = {}
    for _, _, table in resources(environment, "AWS::Glue::Table"):
        given = table["Properties"]["TableInput"]
        if f"projection.{partition}.range" in given.get("Parameters", {}):
            assert [key["Name"] for key in given["PartitionKeys"]] == [partition]
            template = given["Parameters"]["storage.location.template"]
            assert f"/{partition}=${{{partition}}}/" in json.dumps(template)
            found[given["Name"]] = given["Parameters"][f"projection.{partition}.range"].split(",")
    return found


def test_a_changed_contract_changes_the_columns() -> None:
    contract = json.loads(json.dumps(_contract()))
    contract["event"]["fields"].append({"name": "gate", "glue_type": "string"})
    contract["event"]["fields"][0]["glue_type"] = "bigint"
    tables = {table.name: table for table in table_definitions(contract)}
    streamed = tables[names.TABLE_EVENTS_STREAM]
    assert streamed.columns[-1].name == "gate"
    assert streamed.columns[0].glue_type == "bigint"
    assert all(column.name != "gate" for column in tables[names.TABLE_LABELS_STREAM].columns)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_template_has_those_tables(environment: str) -> None:
    expected = {
        table.name: [(column.name, column.glue_type) for column in table.columns]
        for table in table_definitions(load_deployment(environment).contract)
    }
    found = {}
    for _, _, table in resources(environment, "AWS::Glue::Table"):
        table_input = table["Properties"]["TableInput"]
        columns = table_input["StorageDescriptor"]["Columns"]
        found[table_input["Name"]] = [(column["Name"], column["Type"]) for column in columns]
    assert found == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_is_encrypted_private_versioned_and_logged(environment: str, zone: str) -> None:
    bucket = _zone(environment, zone)
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["LogFilePrefix"] == f"{zone.lower()}/"
    ownership = bucket["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def _key_of(bucket: dict[str, Any]) -> str:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return json.dumps(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])


def test_what_holds_classified_values_in_clear_has_a_key_of_its_own() -> None:
    clear = {_key_of(_zone("dev", zone)) for zone in ("Landing", "Raw")}
    others = {_key_of(_zone("dev", zone)) for zone in ZONES if zone not in ("Landing", "Raw")}
    assert len(clear) == 1
    assert "RawKey" in next(iter(clear))
    assert not clear & others


@pytest.mark.parametrize("zone", ["Landing", "Raw", "Features", "Monitoring"])
def test_records_expire_when_the_contract_says(zone: str) -> None:
    days = max(_contract()["retention_days"].values())
    rules = _zone("dev", zone)["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if "Prefix" not in rule] == [days]


def test_what_a_monitor_job_reads_expires_soon() -> None:
    """It can be made again from the tables."""
    rules = _zone("dev", "Monitoring")["LifecycleConfiguration"]["Rules"]
    soon = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert soon == {names.MONITORING_OUTCOMES: 30}


@pytest.mark.parametrize("zone", ["Artifacts", "Curated"])
def test_models_do_not_expire_and_of_tables_iceberg_says_what_does(zone: str) -> None:
    """A data file that a lifecycle rule removes leaves a table that nobody can read."""
    rules = _zone("dev", zone)["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    kept = [names.CURATED_QUERY_RESULTS] if zone == "Curated" else []
    assert [rule.get("Prefix") for rule in expiring] == kept


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_bucket_policy_denies_plain_http_and_old_tls(environment: str) -> None:
    buckets = len(resources(environment, "AWS::S3::Bucket"))
    policies = resources(environment, "AWS::S3::BucketPolicy")
    assert len(policies) == buckets
    for stack, logical_id, policy in policies:
        conditions = [
            statement["Condition"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions, f"{stack}.{logical_id}"
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions, f"{stack}.{logical_id}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_resource_is_a_custom_one_that_cdk_slipped_in(environment: str) -> None:
    ours = {"Custom::ModelPointers"}
    custom = {
        resource["Type"]
        for template in templates(environment).values()
        for resource in template["Resources"].values()
        if resource["Type"].startswith(("Custom::", "AWS::CloudFormation::CustomResource"))
    }
    assert custom <= ours
