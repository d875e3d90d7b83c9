"""Packages, models, configurations and endpoints: each wrong property next to the right one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.endpoints import Endpoints, capture_config, captured, container
from tests.support.sagemaker import INSTANCE, unique
from tests.support.sagemaker_stacks import Stack, artefact, registry

pytestmark = pytest.mark.platform


def _package(group: str, url: str, after: str) -> dict[str, Any]:
    specification = {
        "Containers": [container(url)],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    properties = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": specification,
    }
    return {"Type": "AWS::SageMaker::ModelPackage", "DependsOn": after, "Properties": properties}


def _model(world: Endpoints, package: str) -> dict[str, Any]:
    properties = {
        "ExecutionRoleArn": world.role,
        "PrimaryContainer": {"ModelPackageName": {"Ref": package}},
    }
    return {"Type": "AWS::SageMaker::Model", "Properties": properties}


def _config(capture: dict[str, Any] | None = None, **weights: int) -> dict[str, Any]:
    variants = [
        {
            "VariantName": model.lower(),
            "ModelName": {"Fn::GetAtt": [model, "ModelName"]},
            "InstanceType": INSTANCE,
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for model, weight in weights.items()
    ]
    properties: dict[str, Any] = {"ProductionVariants": variants}
    if capture:
        properties["DataCaptureConfig"] = capture
    return {"Type": "AWS::SageMaker::EndpointConfig", "Properties": properties}


def _endpoint(config: str) -> dict[str, Any]:
    name = {"Fn::GetAtt": [config, "EndpointConfigName"]}
    return {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": name}}


def _serving(world: Endpoints, group: str) -> dict[str, Any]:
    """Two packages, and two endpoints that serve both with opposite weights."""
    return {
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": group},
        },
        "First": _package(group, artefact(world, "first"), "Group"),
        "Second": _package(group, artefact(world, "second"), "First"),
        "Old": _model(world, "First"),
        "New": _model(world, "Second"),
        "Conservative": _config(Old=1, New=0),
        "Progressive": _config(capture_config(world.bucket), Old=0, New=1),
        "Steady": _endpoint("Conservative"),
        "Bold": _endpoint("Progressive"),
    }


@pytest.mark.proves(
    "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model", "AWS::SageMaker::ModelPackage",
)  # fmt: skip
def test_an_endpoint_answers_with_the_package_its_weights_lead_to(world: Endpoints) -> None:
    stack = Stack(world.platform)
    created = stack.deploy(_serving(world, unique("group")))
    assert created["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    answers, names = {}, {}
    for endpoint in ("Steady", "Bold"):
        name = stack.output(f"{endpoint}Ref").rsplit("/", 1)[-1]
        names[endpoint] = name
        answers[endpoint] = {world.ask(name)["model"] for _ in range(10)}
        everyone = {world.ask(name, TargetVariant=v)["model"] for v in ("old", "new")}
        assert everyone == {"first", "second"}
    assert answers == {"Steady": {"first"}, "Bold": {"second"}}
    stack.client.delete_stack(StackName=stack.name)
    stack.client.get_waiter("stack_delete_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert len(captured(world, names["Bold"])) == 12
    assert not captured(world, names["Steady"])


@pytest.mark.proves("AWS::SageMaker::ModelPackageGroup")
def test_a_package_needs_the_group_it_names(world: Endpoints) -> None:
    group, url = unique("group"), artefact(world, "packed")
    outcomes = {}
    for name in (group, unique("other")):
        stack = Stack(world.platform)
        resources = registry(url, group, "Approved")
        resources["Group"]["Properties"]["ModelPackageGroupName"] = name
        outcomes[name == group] = stack.deploy(resources)["StackStatus"]
        reasons = stack.reasons()
        stack.client.delete_stack(StackName=stack.name)
        stack.client.get_waiter("stack_delete_complete").wait(
            StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
    assert outcomes == {True: "CREATE_COMPLETE", False: "ROLLBACK_COMPLETE"}
    assert group in reasons
