"""Conditions of templates on the emulator, CDK's bootstrap template among them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.platform import Platform
from tests.support.sagemaker import unique

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]

EMPTY, SOME = {"Ref": "Empty"}, {"Ref": "Some"}
TRUE: dict[str, Any] = {
    "an empty list joined": {"Fn::Equals": ["", {"Fn::Join": ["", EMPTY]}]},
    "a list joined": {"Fn::Equals": ["a+b", {"Fn::Join": ["+", SOME]}]},
    "text with a parameter": {"Fn::Equals": ["is one", {"Fn::Sub": "is ${Word}"}]},
    "the Region": {"Fn::Equals": ["us-east-1", {"Ref": "AWS::Region"}]},
    "a map": {"Fn::Equals": ["first", {"Fn::FindInMap": ["Sizes", {"Ref": "Word"}, "name"]}]},
    "a part": {"Fn::Equals": ["b", {"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}]},
    "a parameter": {"Fn::Equals": [{"Ref": "Word"}, "one"]},
    "a nested condition": {
        "Fn::And": [
            {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", SOME]}]}]},
            {"Fn::Or": [{"Fn::Equals": ["x", {"Fn::Sub": "y"}]}, {"Condition": "Known"}]},
        ]
    },
}


def _template(platform: Platform, expressions: list[Any]) -> str:
    assert platform.info is not None
    region = platform.info.region
    text = json.dumps(dict(enumerate(expressions))).replace("us-east-1", region)
    conditions = {f"C{number}": expression for number, expression in json.loads(text).items()}
    return json.dumps(
        {
            "Parameters": {
                "Empty": {"Type": "CommaDelimitedList", "Default": ""},
                "Some": {"Type": "CommaDelimitedList", "Default": "a,b"},
                "Word": {"Type": "String", "Default": "one"},
            },
            "Mappings": {"Sizes": {"one": {"name": "first"}}},
            "Conditions": {"Known": {"Fn::Equals": ["1", "1"]}, **conditions},
            "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
            "Outputs": {
                name: {"Value": {"Fn::If": [name, "true", "false"]}} for name in conditions
            },
        }
    )


def test_values_are_resolved_before_they_are_compared(platform: Platform) -> None:
    opposite = [{"Fn::Not": [expression]} for expression in TRUE.values()]
    client, stack = platform.client("cloudformation"), unique("conditions")
    template = _template(platform, [*TRUE.values(), *opposite])
    client.create_stack(StackName=stack, TemplateBody=template)
    client.get_waiter("stack_create_complete").wait(StackName=stack)
    (described,) = client.describe_stacks(StackName=stack)["Stacks"]
    found = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    names = list(TRUE)
    told = {name: found[f"C{number}"] for number, name in enumerate(names)}
    assert told == dict.fromkeys(names, "true")
    told = {name: found[f"C{len(names) + number}"] for number, name in enumerate(names)}
    assert told == dict.fromkeys(names, "false")


def test_an_account_is_bootstrapped_without_options(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """As `make bootstrap` does: no execution policies and no trusted accounts are named."""
    with Platform(tmp_path_factory.mktemp("bootstrapped")) as owned:
        owned.bootstrap()
        assert owned.info is not None
        iam, place = owned.client("iam"), f"{owned.info.account}-{owned.info.region}"
        (policy,) = iam.list_attached_role_policies(
            RoleName=f"cdk-hnb659fds-cfn-exec-role-{place}"
        )["AttachedPolicies"]
        assert policy["PolicyArn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
        role = iam.get_role(RoleName=f"cdk-hnb659fds-deploy-role-{place}")["Role"]
        trusted = [s["Principal"]["AWS"] for s in role["AssumeRolePolicyDocument"]["Statement"]]
        assert set(trusted) == {owned.info.account}
