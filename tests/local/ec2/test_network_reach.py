"""From its own security group a role reaches what it may; from another workload's it does not.

Sessions of deployed roles, made in the deployed subnets and groups. Their policies allow each call,
so what refuses it is the network: on AWS the connection would wait until it times out.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from core import names
from core.names import Scope
from local.emulator import iam_report
from local.platform import Platform
from operations.deployed import Deployed
from tests.support.denied_outcomes import SESSION
from tests.support.denied_principals import Call, Caller, roles, session
from tests.support.denied_target import Target
from tests.support.probe_stack import wait_for

DEMO = Scope("flights", "demo", "flights")

pytestmark = [pytest.mark.platform, pytest.mark.timeout(900)]


class Use(NamedTuple):
    """A call that a role may make from its own group, and a group that does not get there."""

    role: str
    group: str
    action: str
    other: str


USES = {
    "kms": Use("ingestion/EventsTransformExecutionRole", "Transform", "kms:GenerateMac", "Gate"),
    "ssm": Use(
        "training/FunctionsRolloutExecutionRole", "Rollout", "ssm:GetParameters", "Transform"
    ),
    "sagemaker-runtime": Use(
        "api/FlightsRouterExecutionRole", "Router", "sagemaker:InvokeEndpoint", "Rollout"
    ),
    "sagemaker": Use(
        "training/FunctionsRolloutExecutionRole", "Rollout", "sagemaker:DescribeEndpoint", "Router"
    ),
    "dynamodb": Use("training/FunctionsLeaseExecutionRole", "Lease", "dynamodb:GetItem", "Gate"),
    "s3": Use("processing/FlightsFeaturesJobExecutionRole", "Features", "s3:ListBucket", "Lease"),
    "cloudwatch": Use(
        "monitor/MonitorJobExecutionRole", "Monitor", "cloudwatch:PutMetricData", "Training"
    ),
    "logs": Use("processing/CurateJobExecutionRole", "Curate", "logs:CreateLogStream", "Monitor"),
    "cloudformation": Use(
        "training/FunctionsRolloutExecutionRole",
        "Rollout",
        "cloudformation:DescribeStacks",
        "Pointers",
    ),
}


@pytest.fixture(scope="module")
def target(demo_deployment: Platform) -> Target:
    """The deployment with the names that calls need."""
    cloudformation = demo_deployment.client("cloudformation")
    return Target(demo_deployment, Deployed.read(cloudformation, DEMO))


def _curate_log(target: Target) -> str:
    """The log group that the curate job's script writes to."""
    return target.deployed.one("AWS::Logs::LogGroup", "processing", "CurateJobOutputLog")


def _call(target: Target, service: str) -> Call:
    mark = f"probe-{uuid.uuid4().hex}"
    table = target.deployed.one("AWS::DynamoDB::Table", "training")
    pointer = target.deployed.scope.pointer(names.CHAMPION)
    metric = {"MetricName": "probe", "Value": 1.0}
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "kms": (
            "generate_mac",
            {"KeyId": target.pseudonym_key, "MacAlgorithm": "HMAC_SHA_256", "Message": b"probe"},
        ),
        "ssm": ("get_parameters", {"Names": [pointer]}),
        "sagemaker-runtime": (
            "invoke_endpoint", {"EndpointName": target.endpoint, "Body": b'{"instances": []}'}
        ),
        "sagemaker": ("describe_endpoint", {"EndpointName": target.endpoint}),
        "dynamodb": (
            "get_item", {"TableName": table, "Key": {names.LEASE_KEY: {"S": "not-there"}}}
        ),
        "s3": ("list_objects_v2", {"Bucket": target.buckets["features"], "MaxKeys": 1}),
        "cloudwatch": (
            "put_metric_data", {"Namespace": names.METRIC_NAMESPACE, "MetricData": [metric]}
        ),
        "logs": (
            "create_log_stream", {"logGroupName": _curate_log(target), "logStreamName": mark}
        ),
        "cloudformation": (
            "describe_stacks", {"StackName": DEMO.stack(DEMO.model_stack("serving"))}
        ),
    }  # fmt: skip
    operation, request = requests[service]
    return Call(service, operation, request)


def _caller(target: Target, role: str, group: str) -> Caller:
    """The role in the deployed subnets with one of the deployed groups."""
    deployed, platform = target.deployed, target.platform
    arn = platform.client("iam").get_role(RoleName=roles(deployed)[role])["Role"]["Arn"]
    subnets = [subnet.physical_id for subnet in deployed.of_type("AWS::EC2::Subnet")]
    sg = deployed.one("AWS::EC2::SecurityGroup", "network", f"{group}Group")
    mark = f"reach-{uuid.uuid4().hex[:8]}"
    keys = session(platform.client("lambda"), mark, arn, subnets, [sg])
    return Caller(role, arn, keys, keys, platform, "")


def _refusals(target: Target, caller: Caller, action: str) -> list[str]:
    """How the action was refused to the role's probes: by what part of the platform."""
    mark = f"/{SESSION}-{uuid.uuid4().hex}"
    caller.perform(Call("ssm", "get_parameter", {"Name": mark}))

    def recorded() -> list[dict[str, Any]] | None:
        found = list(iam_report.read_decisions(target.platform.state_dir))
        return found if any(mark in d["resource"] for d in reversed(found)) else None

    return [
        decision["via"]
        for decision in wait_for(recorded, 20, "the recorded decisions")
        if f"{caller.role_name}/{SESSION}-reach" in decision["principal"]
        and decision["action"] == action
        and decision["decision"] != "Allow"
    ]


@pytest.mark.parametrize("service", USES)
def test_a_role_gets_there_from_its_own_group_and_from_no_other(
    target: Target, service: str
) -> None:
    use, call = USES[service], _call(target, service)
    own = _caller(target, use.role, use.group).perform(call)
    assert not own.refused, own.told
    elsewhere = _caller(target, use.role, use.other)
    there = elsewhere.perform(call)
    assert there.refused, there.told
    assert "endpoint" in _refusals(target, elsewhere, use.action)


@pytest.fixture
def stranger(target: Target) -> Iterator[str]:
    """A role of this account that is none of the deployment's, with every right on parameters."""
    iam, name = target.platform.client("iam"), f"stranger-{uuid.uuid4().hex[:8]}"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)
    yield str(arn)
    iam.delete_role_policy(RoleName=name, PolicyName=name)
    iam.delete_role(RoleName=name)


def test_an_endpoint_passes_no_role_of_another_path(target: Target, stranger: str) -> None:
    deployed, platform = target.deployed, target.platform
    subnets = [subnet.physical_id for subnet in deployed.of_type("AWS::EC2::Subnet")]
    sg = deployed.one("AWS::EC2::SecurityGroup", "network", "RolloutGroup")
    functions, call = platform.client("lambda"), _call(target, "ssm")
    outside = session(functions, "reach-stranger-out", stranger)
    assert not Caller("", stranger, outside, outside, platform, "").perform(call).refused
    inside = session(functions, "reach-stranger-in", stranger, subnets, [sg])
    caller = Caller("", stranger, inside, inside, platform, "")
    assert caller.perform(call).refused
    assert set(_refusals(target, caller, "ssm:GetParameters")) == {"endpoint"}
