"""Keys, network, ingestion, processing, audit: one assertion for each promise."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

import pytest

from config.load import load_deployment
from core import names
from stacks.audit.cis_alarms import WATCHES
from stacks.network.endpoint_table import INTERFACE_ENDPOINTS
from tests.synth import ENVIRONMENTS, resources, templates


def _properties(environment: str, stack: str, kind: str) -> dict[str, dict[str, Any]]:
    return {
        logical_id: resource["Properties"]
        for owner, logical_id, resource in resources(environment, kind)
        if owner == stack
    }


def _key(environment: str, domain: str) -> list[dict[str, Any]]:
    (found,) = (
        properties["KeyPolicy"]["Statement"]
        for logical_id, properties in _properties(environment, "security", "AWS::KMS::Key").items()
        if logical_id.startswith(f"{domain}Key")
    )
    return found


def _allows(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    return [
        statement
        for statement in statements
        if action
        in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_key_that_encrypts_rotates(environment: str) -> None:
    keys = _properties(environment, "security", "AWS::KMS::Key").values()
    encrypting = [key for key in keys if "KeyUsage" not in key]
    assert len(encrypting) == 5
    assert all(key["EnableKeyRotation"] for key in encrypting)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pseudonyms_come_from_a_key_that_only_our_roles_use(environment: str) -> None:
    keys = _properties(environment, "security", "AWS::KMS::Key").values()
    (key,) = [key for key in keys if "KeyUsage" in key]
    assert (key["KeySpec"], key["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    (use,) = _allows(key["KeyPolicy"]["Statement"], "kms:GenerateMac")
    assert use["Action"] == "kms:GenerateMac"
    assert "aws:PrincipalArn" in use["Condition"]["ArnLike"]
    assert not _allows(key["KeyPolicy"]["Statement"], "kms:EnableKeyRotation")


@pytest.mark.parametrize("domain", ["Data", "Raw", "Models", "Logs", "Messages"])
def test_no_key_can_be_used_without_a_condition(domain: str) -> None:
    for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"):
        for statement in _allows(_key("dev", domain), action):
            assert statement["Condition"], statement


def test_only_roles_of_this_deployment_may_decrypt_raw_records() -> None:
    """Others through Firehose, which hands no record back; uploaders, who may not read; and
    break-glass roles in the raw zone, whose bucket shows them the errors alone."""
    ours, senders, uploaders, break_glass = _allows(_key("demo", "Raw"), "kms:Decrypt")
    pattern = json.dumps(ours["Condition"]["ArnLike"]["aws:PrincipalArn"])
    assert ":role/millrace/flights/demo/*" in pattern
    via = [s["Condition"]["StringEquals"]["kms:ViaService"] for s in (senders, uploaders)]
    assert via == [["firehose.eu-west-1.amazonaws.com"], ["s3.eu-west-1.amazonaws.com"]]
    only = uploaders["Condition"]["ArnLike"]
    assert ":role/millrace-producer" in json.dumps(only["aws:PrincipalArn"])
    bucket = only["kms:EncryptionContext:aws:s3:arn"]
    assert bucket == "arn:aws:s3:::millrace-flights-demo-*-landing*"
    rescue = break_glass["Condition"]["ArnLike"]
    assert ":role/millrace-break-glass" in json.dumps(rescue["aws:PrincipalArn"])
    bucket = rescue["kms:EncryptionContext:aws:s3:arn"]
    assert bucket == "arn:aws:s3:::millrace-flights-demo-*-rawbucket*"
    assert len(_allows(_key("dev", "Raw"), "kms:Decrypt")) == 3


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_network_has_no_way_to_the_internet(environment: str) -> None:
    kinds = {
        resource["Type"] for resource in templates(environment)["network"]["Resources"].values()
    }
    forbidden = {
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::EIP",
        "AWS::EC2::EgressOnlyInternetGateway",
    }
    assert not kinds & forbidden


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_subnets_stand_in_the_settings_zones_without_overlap(environment: str) -> None:
    settings = load_deployment(environment).settings.network
    subnets = _properties(environment, "network", "AWS::EC2::Subnet").values()
    assert sorted(s["AvailabilityZone"] for s in subnets) == sorted(settings.availability_zones)
    blocks = [ipaddress.ip_network(subnet["CidrBlock"]) for subnet in subnets]
    whole = ipaddress.ip_network(settings.cidr)
    assert all(block.subnet_of(whole) for block in blocks)  # type: ignore[arg-type]
    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_endpoints_are_those_of_the_table_and_limited_to_this_account(environment: str) -> None:
    endpoints = _properties(environment, "network", "AWS::EC2::VPCEndpoint")
    interface = [e for e in endpoints.values() if e["VpcEndpointType"] == "Interface"]
    zones = load_deployment(environment).settings.network.interface_endpoint_zones
    assert len(interface) == len(INTERFACE_ENDPOINTS)
    assert all(len(endpoint["SubnetIds"]) == zones for endpoint in interface)
    groups = [json.dumps(endpoint["SecurityGroupIds"]) for endpoint in interface]
    assert len(set(groups)) == len(groups)
    for name, endpoint in endpoints.items():
        first, *_ = endpoint["PolicyDocument"]["Statement"]
        assert "aws:PrincipalAccount" in first["Condition"]["StringEquals"], name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_let_in_from_outside_the_vpc(environment: str) -> None:
    groups = _properties(environment, "network", "AWS::EC2::SecurityGroup")
    ours = [{"Fn::GetAtt": [name, "GroupId"]} for name in groups]
    for name, group in groups.items():
        for rule in group.get("SecurityGroupIngress", []):
            assert rule["SourceSecurityGroupId"] in ours, name
            assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(rule), name
        # EC2 lets everything out of a group whose list is empty.
        assert group["SecurityGroupEgress"], name
    for rule in _properties(environment, "network", "AWS::EC2::SecurityGroupIngress").values():
        assert rule["SourceSecurityGroupId"] == rule["GroupId"]


def _destinations(environment: str) -> list[dict[str, Any]]:
    streams = _properties(environment, "ingestion", "AWS::KinesisFirehose::DeliveryStream")
    assert len(streams) == len(names.STREAMS)
    return [stream["ExtendedS3DestinationConfiguration"] for stream in streams.values()]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_delivery_keeps_originals_errors_and_parquet_under_names_everybody_knows(
    environment: str,
) -> None:
    places = {
        (d["Prefix"], d["ErrorOutputPrefix"], d["S3BackupConfiguration"]["Prefix"])
        for d in _destinations(environment)
    }
    day = "!{timestamp:yyyy-MM-dd}/"
    assert places == {
        (
            names.RAW_STREAM[stream] + "arrived=" + day,
            names.RAW_ERRORS[stream] + "!{firehose:error-output-type}/" + day,
            names.RAW_BACKUP[stream],
        )
        for stream in names.STREAMS
    }
    assert all(d["S3BackupMode"] == "Enabled" for d in _destinations(environment))
    # The folders are days of UTC, and none of a record's own making.
    assert not any("CustomTimeZone" in d for d in _destinations(environment))
    assert not any("DynamicPartitioningConfiguration" in d for d in _destinations(environment))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_delivery_keeps_the_limits_of_firehose(environment: str) -> None:
    for destination in _destinations(environment):
        assert destination["DataFormatConversionConfiguration"]["Enabled"] is True
        assert destination["BufferingHints"]["SizeInMBs"] >= 64
        assert destination["CompressionFormat"] == "UNCOMPRESSED"
        assert destination["BufferingHints"]["IntervalInSeconds"] > 0


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_direct_put_is_encrypted_under_the_raw_key(environment: str) -> None:
    for stream in _properties(
        environment, "ingestion", "AWS::KinesisFirehose::DeliveryStream"
    ).values():
        encryption = stream["DeliveryStreamEncryptionConfigurationInput"]
        assert encryption["KeyType"] == "CUSTOMER_MANAGED_CMK"
        assert "RawKey" in json.dumps(encryption["KeyARN"])


def _job(environment: str, script: str) -> dict[str, Any]:
    (found,) = (
        job
        for name, job in _properties(environment, "processing", "AWS::Glue::Job").items()
        if name.startswith(script)
    )
    return found


def _prefix(location: Any) -> str:
    """What follows the bucket in an ``s3://`` location with a reference in it."""
    return str(location["Fn::Join"][1][-1]).removeprefix("/")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_jobs_get_every_argument_they_require(environment: str) -> None:
    from glue_jobs import curate, features

    given = set(_job(environment, "Curate")["DefaultArguments"])
    assert {f"--{name}" for name in curate.REQUIRED} <= given
    # The state machine names each run's folder.
    given = set(_job(environment, "FlightsFeatures")["DefaultArguments"]) | {"--output_run"}
    assert {f"--{name}" for name in features.REQUIRED} <= given


def test_the_curate_job_reads_where_firehose_writes() -> None:
    arguments = _job("dev", "Curate")["DefaultArguments"]
    for argument, places in (
        ("input_streams", names.RAW_STREAM),
        ("input_errors", names.RAW_ERRORS),
    ):
        folder = _prefix(arguments[f"--{argument}"])
        assert all(f"{folder}{stream}/" == places[stream] for stream in names.STREAMS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_jobs_run_one_at_a_time_where_they_replace_tables(environment: str) -> None:
    job = _job(environment, "Curate")
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert job["GlueVersion"] == "5.1"
    assert job["Connections"]["Connections"]
    assert job["SecurityConfiguration"]


def _domain(key: dict[str, Any]) -> str:
    """Of a key's ARN, which another stack gives."""
    (name,) = re.findall(r"([A-Z][a-z]+)Key", json.dumps(key))[:1]
    return str(name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_job_encrypts_under_the_key_of_the_buckets_that_it_writes_to(environment: str) -> None:
    """Glue names the configuration's key with each object, and a bucket refuses every other."""
    configurations = _properties(environment, "processing", "AWS::Glue::SecurityConfiguration")
    policies = _properties(environment, "processing", "AWS::IAM::ManagedPolicy").values()
    found = {}
    for logical_id, job in _properties(environment, "processing", "AWS::Glue::Job").items():
        encryption = configurations[job["SecurityConfiguration"]["Ref"]]["EncryptionConfiguration"]
        (objects,) = encryption["S3Encryptions"]
        role = job["Role"]["Fn::GetAtt"][0]
        written = {
            _domain(statement["Resource"])
            for policy in policies
            if role in json.dumps(policy.get("Roles", []))
            for statement in _allows(policy["PolicyDocument"]["Statement"], "kms:GenerateDataKey")
        }
        assert written == {_domain(objects["KmsKeyArn"])}, logical_id
        found[logical_id] = written
    assert set().union(*found.values()) == {"Data", "Models"}


def _trails(environment: str) -> dict[str, dict[str, Any]]:
    """The trails by the category of their events, each of which has one selector."""
    found = {}
    for trail in _properties(environment, "audit", "AWS::CloudTrail::Trail").values():
        (selector,) = trail["AdvancedEventSelectors"]
        fields = {field["Field"]: field for field in selector["FieldSelectors"]}
        (category,) = fields["eventCategory"]["Equals"]
        found[category] = trail | {"fields": fields}
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_trail_is_locked_validated_and_watches_every_zone(environment: str) -> None:
    trails = _trails(environment)
    assert all(trail["EnableLogFileValidation"] for trail in trails.values())
    arns = trails["Data"]["fields"]["resources.ARN"]["StartsWith"]
    zones = ("Landing", "Raw", "Curated", "Features", "Artifacts", "Monitoring")
    assert len(arns) == len(zones)
    assert all(any(f"{zone}Bucket" in json.dumps(arn) for arn in arns) for zone in zones)
    (bucket,) = _properties(environment, "audit", "AWS::S3::Bucket").values()
    assert bucket["ObjectLockEnabled"] is True


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_management_events_go_to_a_log_group(environment: str) -> None:
    """An event of an object would be paid for twice, and no filter reads it."""
    trails = _trails(environment)
    assert set(trails) == {"Data", "Management"}
    assert "CloudWatchLogsLogGroupArn" not in trails["Data"]
    assert "AuditTrailLogs" in json.dumps(trails["Management"]["CloudWatchLogsLogGroupArn"])
    for _, _, metric_filter in resources(environment, "AWS::Logs::MetricFilter"):
        assert "AuditTrailLogs" in json.dumps(metric_filter["Properties"]["LogGroupName"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_watch_has_a_filter_and_an_alarm_that_tells_somebody(environment: str) -> None:
    filters = _properties(environment, "audit", "AWS::Logs::MetricFilter").values()
    patterns = {f["MetricTransformations"][0]["MetricName"]: f["FilterPattern"] for f in filters}
    assert patterns == {watch.name: watch.pattern for watch in WATCHES}
    every = _properties(environment, "audit", "AWS::CloudWatch::Alarm").values()
    alarms = [alarm for alarm in every if alarm.get("Namespace", "").startswith("Millrace/Audit/")]
    assert {alarm["MetricName"] for alarm in alarms} == set(patterns)
    assert all(alarm["AlarmActions"] for alarm in alarms)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_log_group_is_encrypted_and_forgets(environment: str) -> None:
    days = load_deployment(environment).settings.retention.log_days
    groups = resources(environment, "AWS::Logs::LogGroup")
    assert groups
    for stack, logical_id, group in groups:
        assert group["Properties"]["RetentionInDays"] == days, f"{stack}.{logical_id}"
        assert "LogsKey" in json.dumps(group["Properties"]["KmsKeyId"]), f"{stack}.{logical_id}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_function_is_isolated_traced_encrypted_and_current(environment: str) -> None:
    for stack, logical_id, function in resources(environment, "AWS::Lambda::Function"):
        properties, place = function["Properties"], f"{stack}.{logical_id}"
        assert properties["Architectures"] == ["arm64"], place
        assert properties["TracingConfig"] == {"Mode": "Active"}, place
        assert properties["VpcConfig"]["SubnetIds"], place
        assert "MessagesKey" in json.dumps(properties["KmsKeyArn"]), place
        assert properties["LoggingConfig"]["LogGroup"], place


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_owner_tags_are_on_what_can_carry_them(environment: str) -> None:
    owner = load_deployment(environment).settings.owner
    expected = {"owner": owner.team, "cost-center": owner.cost_center}
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::IAM::Role", "AWS::Lambda::Function"):
        for stack, logical_id, resource in resources(environment, kind):
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"].get("Tags", [])}
            assert expected.items() <= tags.items(), f"{stack}.{logical_id}"
