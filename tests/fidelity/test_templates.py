"""The templates stay within CloudFormation's quotas, and do what no property says."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.synth import ENVIRONMENTS, assembly, resources, templates

EACH = pytest.mark.parametrize("environment", ENVIRONMENTS)
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_BYTES = 1024 * 1024
SECTIONS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES = 250 * 1024 * 1024


@EACH
def test_every_template_is_within_the_quotas(environment: str) -> None:
    for path in assembly(environment).glob("*.template.json"):
        assert path.stat().st_size <= TEMPLATE_BYTES, path.name
    for name, template in templates(environment).items():
        for section, most in SECTIONS.items():
            assert len(template.get(section, {})) <= most, f"{name}: {section}"


@EACH
def test_flows_log_below_the_prefix_that_shares_an_entry(environment: str) -> None:
    groups = {
        logical_id: group["Properties"].get("LogGroupName")
        for _, logical_id, group in resources(environment, "AWS::Logs::LogGroup")
    }
    for stack, logical_id, machine in resources(environment, "AWS::StepFunctions::StateMachine"):
        (entry,) = machine["Properties"]["LoggingConfiguration"]["Destinations"]
        group = entry["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
        place = f"{stack}.{logical_id}"
        assert json.dumps(groups[group]).count('"/aws/vendedlogs/states/') == 1, place


@EACH
def test_the_deployment_of_the_api_waits_for_its_methods(environment: str) -> None:
    ((stack, _, deployment),) = resources(environment, "AWS::ApiGateway::Deployment")
    methods = {
        logical_id
        for place, logical_id, _ in resources(environment, "AWS::ApiGateway::Method")
        if place == stack
    }
    assert methods
    assert methods <= set(deployment["DependsOn"])


@EACH
def test_a_function_with_its_layers_fits(environment: str) -> None:
    archives = {path.name: _unzipped(path) for path in assembly(environment).glob("asset.*.zip")}
    layers = {
        (stack, logical_id): archives[f"asset.{layer['Properties']['Content']['S3Key']}"]
        for stack, logical_id, layer in resources(environment, "AWS::Lambda::LayerVersion")
    }
    for stack, logical_id, function in resources(environment, "AWS::Lambda::Function"):
        properties: dict[str, Any] = function["Properties"]
        size = archives[f"asset.{properties['Code']['S3Key']}"]
        size += sum(layers[stack, layer["Ref"]] for layer in properties.get("Layers", []))
        assert size <= UNZIPPED_BYTES, f"{stack}.{logical_id}"


@EACH
def test_no_table_repeats_a_column(environment: str) -> None:
    """Glue takes it, and every query then fails: names are compared in lower case."""
    tables = list(resources(environment, "AWS::Glue::Table"))
    assert tables
    for stack, logical_id, table in tables:
        given = table["Properties"]["TableInput"]
        columns = [*given["StorageDescriptor"]["Columns"], *given.get("PartitionKeys", [])]
        names = [column["Name"].lower() for column in columns]
        assert len(set(names)) == len(names), f"{stack}.{logical_id}"


@EACH
def test_access_logs_go_where_they_arrive(environment: str) -> None:
    """S3 takes any target, and delivers to none with Object Lock or under a customer key."""
    buckets = list(resources(environment, "AWS::S3::Bucket"))
    (target,) = (
        bucket["Properties"] for _, logical_id, bucket in buckets if "AccessLogs" in logical_id
    )
    (rule,) = target["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert not target.get("ObjectLockEnabled")
    assert "ObjectLockConfiguration" not in target
    logged = [bucket["Properties"].get("LoggingConfiguration") for _, _, bucket in buckets]
    places = {json.dumps(found["DestinationBucketName"]) for found in logged if found}
    assert places
    assert all("AccessLogs" in place for place in places)


def _unzipped(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


@EACH
def test_policies_stand_before_the_functions_that_need_them(environment: str) -> None:
    """Lambda looks at the role when it makes the function: the policy must be attached by then."""
    for stack, logical_id, function in resources(environment, "AWS::Lambda::Function"):
        waits = function.get("DependsOn", [])
        kinds = {templates(environment)[stack]["Resources"][name]["Type"] for name in waits}
        assert "AWS::IAM::ManagedPolicy" in kinds, f"{stack}.{logical_id}"
