"""A function whose role could not do its work is refused when it is made, as Lambda does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.platform import Platform
from tests.support.probe_stack import Template, allow, deployed, failure_reasons, function, role

pytestmark = pytest.mark.platform

QUEUE = {"Fn::GetAtt": ["Letters", "Arn"]}
SEND, INTERFACES = ["sqs:SendMessage"], ["ec2:CreateNetworkInterface"]
OUTWARD = {"StringNotEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
ASKED = {"Null": {"aws:ResourceAccount": "false"}}


@pytest.fixture(scope="module")
def subnet(platform: Platform) -> Iterator[str]:
    client = platform.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.99.0.0/24")["Subnet"]["SubnetId"]
    yield subnet
    client.delete_subnet(SubnetId=subnet)
    client.delete_vpc(VpcId=vpc)


def _boundary(condition: dict[str, Any]) -> dict[str, Any]:
    denied = {"Effect": "Deny", "Action": SEND, "Resource": "*", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [allow(["*"], "*"), denied]}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}


def _template(granted: list[str], ceiling: dict[str, Any], **properties: Any) -> Template:
    made = function("Role")
    made["Properties"] |= properties
    holder = role("lambda.amazonaws.com", allow(granted, "*"))
    holder["Properties"]["PermissionsBoundary"] = {"Ref": "Boundary"}
    return {
        "Resources": {
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Boundary": _boundary(ceiling),
            "Role": holder,
            "Function": made,
        }
    }


def _refusal(platform: Platform, template: Template) -> str:
    name = "refused-function"
    try:
        with deployed(platform, name, template):
            return ""
    except WaiterError:
        reasons = failure_reasons(platform, name)
        client = platform.client("cloudformation")
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)
        return " ".join(reasons)


@pytest.mark.proves("AWS::Lambda::Function")
def test_a_role_without_network_interfaces_makes_no_function_in_a_vpc(
    platform: Platform, subnet: str
) -> None:
    network = {"VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": []}}
    words = "permissions to call CreateNetworkInterface on EC2"
    assert words in _refusal(platform, _template(SEND, OUTWARD | ASKED, **network))
    assert _refusal(platform, _template(INTERFACES, OUTWARD | ASKED, **network)) == ""


@pytest.mark.proves("AWS::Lambda::Function")
def test_a_boundary_that_refuses_an_absent_account_refuses_dead_letters(platform: Platform) -> None:
    letters = {"DeadLetterConfig": {"TargetArn": QUEUE}}
    words = "permissions to call SendMessage on SQS"
    assert words in _refusal(platform, _template(SEND, OUTWARD, **letters))
    assert _refusal(platform, _template(SEND, OUTWARD | ASKED, **letters)) == ""
    assert words in _refusal(platform, _template(INTERFACES, OUTWARD | ASKED, **letters))
