"""SageMaker through CloudFormation: wrong properties fail the stack, updates replace or stay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import sagemaker as support
from tests.support.endpoints import Endpoints, container
from tests.support.sagemaker import unique
from tests.support.sagemaker_stacks import Stack, artefact, registry, serving

pytestmark = pytest.mark.platform


@pytest.mark.proves("AWS::SageMaker::Model")
def test_stack_serves_is_updated_survives_a_bad_update_and_goes(world: Endpoints) -> None:
    stack = Stack(world.platform)
    created = stack.deploy(serving(world, artefact(world, "one")))
    assert created["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    endpoint = stack.output("EndpointRef")
    assert ":endpoint/" in endpoint
    name = endpoint.rsplit("/", 1)[-1]
    assert world.ask(name)["model"] == "one"

    second = serving(world, artefact(world, "two"))
    updated = stack.deploy(second, update=True)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stack.reasons()
    assert stack.output("EndpointRef") == endpoint
    assert world.ask(name)["model"] == "two"

    broken = serving(world, artefact(world, "three", "raise RuntimeError('will not load')\n"))
    rolled_back = stack.deploy(broken, update=True)
    assert rolled_back["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "will not load" in stack.reasons()
    assert world.ask(name)["model"] == "two"

    stack.client.delete_stack(StackName=stack.name)
    support.wait_for(
        lambda: (
            not [
                e
                for e in world.sagemaker.list_endpoints()["Endpoints"]
                if e["EndpointName"] == name
            ]
        )
    )
    models = world.sagemaker.list_models(NameContains=stack.name)["Models"]
    support.wait_for(lambda: not world.sagemaker.list_models(NameContains=stack.name)["Models"], 20)
    assert len(models) <= 1


@pytest.mark.proves("AWS::SageMaker::EndpointConfig")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Colour": "blue"}, "Colour"),
        ({"KmsKeyId": 7 * "x" * 400}, "#/KmsKeyId"),
        ({"DataCaptureConfig": {"EnableCapture": True}}, "DestinationS3Uri"),
    ],
)
def test_wrong_configuration_fails_the_stack(
    world: Endpoints, change: dict[str, Any], reason: str
) -> None:
    stack = Stack(world.platform)
    result = stack.deploy(serving(world, artefact(world, "x"), **change))

    assert result["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons()
    assert not world.sagemaker.list_models(NameContains=stack.name)["Models"]


def test_negative_weight_fails_the_stack(world: Endpoints) -> None:
    stack = Stack(world.platform)
    result = stack.deploy(serving(world, artefact(world, "x"), weight="-1"))

    assert result["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "InitialVariantWeight" in stack.reasons()


def test_endpoint_that_cannot_start_fails_the_stack_and_is_removed(world: Endpoints) -> None:
    stack = Stack(world.platform)
    result = stack.deploy(serving(world, artefact(world, "x", "1 / 0\n")))

    assert result["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "division by zero" in stack.reasons()
    assert not world.sagemaker.list_endpoints(NameContains=stack.name)["Endpoints"]


def test_package_changes_status_in_place_and_version_by_replacement(world: Endpoints) -> None:
    stack, group = Stack(world.platform), unique("group")
    first = artefact(world, "one")
    result = stack.deploy(registry(first, group, "PendingManualApproval"))
    assert result["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    arn = stack.output("PackageRef")
    assert arn.endswith(f":model-package/{group}/1")

    stack.deploy(registry(first, group, "Approved"), update=True)
    assert stack.output("PackageRef") == arn
    found = world.sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["ModelApprovalStatus"] == "Approved"

    stack.deploy(registry(artefact(world, "two"), group, "Approved"), update=True)
    assert stack.output("PackageRef").endswith(f":model-package/{group}/2")
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="Could not find"):
        world.sagemaker.describe_model_package(ModelPackageName=arn)


TAGS = [{"Key": "owner", "Value": "ml-platform"}]
REFUSED = "Please add them to the Model Package Group"


@pytest.mark.parametrize("place", ["on the version", "on the stack", "by an update"])
def test_a_version_with_tags_fails_the_stack(world: Endpoints, place: str) -> None:
    stack, group = Stack(world.platform), unique("group")
    url = artefact(world, "one")
    plain, tagged = registry(url, group, "Approved"), registry(url, group, "Approved")
    tagged["Package"]["Properties"]["Tags"] = TAGS
    update = place == "by an update"
    if update:
        assert stack.deploy(plain)["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    if place == "on the stack":
        found = stack.deploy(plain, Tags=TAGS)
    else:
        found = stack.deploy(tagged, update=update)
    assert found["StackStatus"] == ("UPDATE_" if update else "") + "ROLLBACK_COMPLETE"
    assert REFUSED in stack.reasons()


def test_a_version_takes_no_tags_through_the_api(world: Endpoints) -> None:
    group, client = unique("group"), world.sagemaker
    client.create_model_package_group(ModelPackageGroupName=group, Tags=TAGS)
    container_of = {"Containers": [container(artefact(world, "one"))]}
    formats = {"SupportedContentTypes": ["a/b"], "SupportedResponseMIMETypes": ["a/b"]}
    request = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": container_of | formats,
    }
    with pytest.raises(client.exceptions.ClientError, match=REFUSED):
        client.create_model_package(**request, Tags=TAGS)
    arn = client.create_model_package(**request)["ModelPackageArn"]
    with pytest.raises(client.exceptions.ClientError, match=REFUSED):
        client.add_tags(ResourceArn=arn, Tags=TAGS)
    assert client.list_tags(ResourceArn=arn)["Tags"] == []


def test_tags_that_aws_refuses_fail_the_stack(world: Endpoints) -> None:
    stack = Stack(world.platform)
    topic = {"Tags": [{"Key": "owner", "Value": "R&D"}]}
    found = stack.deploy({"Topic": {"Type": "AWS::SNS::Topic", "Properties": topic}})
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "#/Tags/owner: the value 'R&D'" in stack.reasons()
