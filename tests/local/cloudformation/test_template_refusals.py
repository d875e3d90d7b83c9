"""Templates and parameters that CloudFormation refuses before it makes anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from local.services.cloudformation import template_checks
from tests.support.probe_stack import Template, deploy, deployed, role, wait_for

HANDLE = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "a"}}
SSM = "AWS::SSM::Parameter::Value<String>"


def _many(count: int) -> dict[str, Any]:
    return {f"Handle{number}": HANDLE for number in range(count)}


def _with(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


REFUSED: dict[str, tuple[Template, str]] = {
    "resources": ({"Resources": _many(501)}, "Number of resources, 501"),
    "parameters": (
        {
            "Parameters": {f"P{n}": {"Type": "String", "Default": "a"} for n in range(201)},
            "Resources": _many(1),
        },
        "Number of parameters, 201",
    ),
    "outputs": (
        {"Resources": _many(1), "Outputs": {f"O{n}": {"Value": "a"} for n in range(201)}},
        "Number of outputs, 201",
    ),
    "default": (
        {
            "Parameters": {"P": {"Type": "String", "Default": "x" * 4097}},
            "Resources": _many(1),
        },
        "length is greater than 4096",
    ),
    "description": ({"Description": "x" * 1025, "Resources": _many(1)}, "1024 bytes"),
    "circle": (
        {"Resources": {"A": _with({"Ref": "B"}), "B": _with({"Ref": "A"})}},
        "Circular dependency between resources",
    ),
    "type": ({"Resources": {"A": {"Type": "AWS::Nothing::Here"}}}, "Unrecognized resource types"),
    "pointer": (
        {
            "Parameters": {"P": {"Type": SSM, "Default": "/millrace/nowhere"}},
            "Resources": _many(1),
        },
        "/millrace/nowhere",
    ),
    "mapping": (
        {
            "Mappings": {"M": {"eu": {"a": "1"}}},
            "Resources": {"A": _with({"Fn::FindInMap": ["M", "us", "a"]})},
        },
        "Unable to get mapping",
    ),
    "references": (
        {"Resources": {"A": _with("".join(f"{{{{resolve:ssm:/p{n}}}}}" for n in range(61)))}},
        "dynamic references",
    ),
    "dangling": (
        {"Resources": {"A": _with({"Ref": "Deleted"})}},
        "Unresolved resource dependencies ['Deleted']",
    ),
}


def _refusal(platform: Platform, template: Template, **more: Any) -> str:
    client = platform.client("cloudformation")
    with pytest.raises(ClientError) as error:
        client.create_stack(StackName="refused-template", TemplateBody=json.dumps(template), **more)
    return str(error.value)


@pytest.mark.platform
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_template_that_cloudformation_refuses_makes_no_stack(
    platform: Platform, case: str
) -> None:
    template, words = REFUSED[case]
    assert words in _refusal(platform, template)


@pytest.mark.platform
def test_roles_need_a_capability(platform: Platform) -> None:
    template = {"Resources": {"Role": role("lambda.amazonaws.com")}}
    assert "InsufficientCapabilities" in _refusal(platform, template)


@pytest.mark.platform
def test_a_parameter_value_has_4096_bytes(platform: Platform) -> None:
    template = {"Parameters": {"P": {"Type": "String"}}, "Resources": _many(1)}
    given = [{"ParameterKey": "P", "ParameterValue": "x" * 4097}]
    assert "4096" in _refusal(platform, template, Parameters=given)


@pytest.mark.platform
def test_an_update_without_a_change_is_refused(platform: Platform) -> None:
    template: Template = {"Resources": _many(1)}
    with (
        deployed(platform, "unchanged", template),
        pytest.raises(ClientError, match="No updates are to be performed"),
    ):
        deploy(platform, "unchanged", template)


def _status(platform: Platform, name: str) -> str:
    stacks = platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return str(stacks[0]["StackStatus"])


@pytest.mark.platform
def test_a_stack_that_never_stood_is_not_updated(platform: Platform) -> None:
    client, name = platform.client("cloudformation"), "never-stood"
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": {"A": {"Type": "AWS::SSM::Parameter"}}}),
    )
    try:
        wait_for(lambda: _status(platform, name) == "ROLLBACK_COMPLETE", what="the roll-back")
        with pytest.raises(ClientError, match="ROLLBACK_COMPLETE"):
            client.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": _many(1)}))
    finally:
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)


def test_a_template_has_a_megabyte() -> None:
    text: Template = {"Resources": _many(1), "Metadata": {"text": "x" * 1024 * 1024}}
    assert "may not exceed 1048576 bytes" in template_checks.refusal(text)
    assert template_checks.refusal({"Resources": _many(1)}) == ""
