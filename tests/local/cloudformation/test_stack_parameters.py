"""Pointers, UpdateStack with the previous template and DescribeStacks, on the emulator itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.rollout.serving_stack import ServingStack
from lambdas.shared.pointer_store import PointerStore
from local.platform import Platform
from local.services.cloudformation.stack_parameters import NAMESPACE, with_resolved_values
from tests.support.probe_stack import wait_for
from tests.support.sagemaker import allow, make_role, unique

POINTER = "/millrace/probe/models/champion"
STACK = "probe-pointers"
TEMPLATE = """{
  "Parameters": {
    "Package": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "%s"},
    "Plain": {"Type": "String", "Default": "text"}
  },
  "Resources": {"Copy": {"Type": "AWS::SSM::Parameter", "Properties": {
    "Name": "/millrace/probe/copy", "Type": "String", "Value": {"Ref": "Package"}}},
    "Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {
      "ModelPackageGroupName": {"Ref": "Package"}}}}
}"""


def _answer(value: str) -> bytes:
    return (
        f'<R xmlns="{NAMESPACE}"><Stacks><member><StackId>s</StackId><Parameters>'
        f"<member><ParameterKey>A</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
        "<member><ParameterKey>B</ParameterKey><ParameterValue>b</ParameterValue></member>"
        "</Parameters></member></Stacks></R>"
    ).encode()


def test_only_parameters_from_parameter_store_are_rewritten() -> None:
    kept = {"A": {"Value": "arn", "SsmName": "/name"}, "B": {"Value": "b"}}
    text = with_resolved_values(_answer("arn"), lambda stack: kept if stack == "s" else {}).decode()
    assert "<ParameterValue>/name</ParameterValue><ResolvedValue>arn</ResolvedValue>" in text
    assert "<ParameterValue>b</ParameterValue></member>" in text


def _update(cloudformation: Any, stack: ServingStack) -> None:
    cloudformation.update_stack(
        StackName=STACK,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": key, "UsePreviousValue": True} for key in stack.describe().parameters
        ],
    )
    wait_for(lambda: not stack.describe().busy)


@pytest.mark.platform
def test_a_moved_pointer_reaches_the_stack_by_an_update_with_the_previous_template(
    platform: Platform,
) -> None:
    cloudformation: Any = platform.client("cloudformation")
    ssm: Any = platform.client("ssm")
    pointers = PointerStore(ssm, {"champion": POINTER})
    assert pointers.create("champion", "first")
    assert not pointers.create("champion", "other")
    cloudformation.create_stack(StackName=STACK, TemplateBody=TEMPLATE % POINTER)
    stack = ServingStack(cloudformation, STACK, "", pointers.parameters)
    wait_for(lambda: not stack.describe().busy)
    assert stack.describe().serving == {"champion": "first"}
    assert set(stack.describe().parameters) == {"Package", "Plain"}

    pointers.write("champion", "second")
    _update(cloudformation, stack)
    assert stack.describe().serving == {"champion": "second"}
    assert ssm.get_parameter(Name="/millrace/probe/copy")["Parameter"]["Value"] == "second"

    pointers.write("champion", "NOT ALLOWED")
    _update(cloudformation, stack)
    failed = stack.describe()
    assert failed.rolled_back
    assert failed.serving == {"champion": "second"}
    assert stack.failure().startswith("Group: ")
    assert pointers.read()["champion"].changed_at <= failed.updated_at
    cloudformation.delete_stack(StackName=STACK)
    pointers.delete()


@pytest.mark.platform
@pytest.mark.parametrize("bootstrap", [False, True], ids=["pointers alone", "bootstrap version"])
def test_each_parameter_is_read_with_the_rights_of_the_updates_role(
    platform: Platform, bootstrap: bool
) -> None:
    """CDK's BootstrapVersion is one of them, and a roll-out's role may read the pointers alone."""
    cloudformation, ssm = platform.client("cloudformation"), platform.client("ssm")
    scope = f"/{unique('parameters')}"
    names = {"Package": f"{scope}/pointer"} | (
        {"BootstrapVersion": f"{scope}/version"} if bootstrap else {}
    )
    for name in names.values():
        ssm.put_parameter(Name=name, Value="1", Type="String")
    kind = "AWS::SSM::Parameter::Value<String>"
    template = {
        "Parameters": {key: {"Type": kind, "Default": name} for key, name in names.items()},
        "Resources": {
            "Copy": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Name": f"{scope}/copy", "Type": "String", "Value": {"Ref": "Package"},
                },
            }
        },
    }  # fmt: skip
    stack = unique("parameters")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack)
    readable = f"arn:aws:ssm:*:*:parameter{scope}/pointer"
    role = make_role(
        platform, "cloudformation.amazonaws.com", [allow("ssm:GetParameters", readable)]
    )
    ssm.put_parameter(Name=names["Package"], Value="2", Type="String", Overwrite=True)

    def update() -> None:
        cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in names],
            RoleARN=role,
        )

    if bootstrap:
        with pytest.raises(ClientError, match="permission to call ssm:GetParameters"):
            update()
    else:
        update()
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack)
