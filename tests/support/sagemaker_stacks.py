"""Stacks of SageMaker resources for tests of their types."""

from __future__ import annotations

import json
from typing import Any

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.endpoints import Endpoints, container
from tests.support.sagemaker import INSTANCE, unique


class Stack:
    """One CloudFormation stack under test."""

    def __init__(self, platform: Platform) -> None:
        self.client = platform.client("cloudformation")
        self.name = unique("stack")

    def deploy(
        self, resources: dict[str, Any], *, update: bool = False, **more: Any
    ) -> dict[str, Any]:
        body = json.dumps(
            {
                "Resources": resources,
                "Outputs": {
                    f"{name}{suffix}": {"Value": value}
                    for name in resources
                    for suffix, value in (("Ref", {"Ref": name}),)
                },
            }
        )
        call = self.client.update_stack if update else self.client.create_stack
        call(StackName=self.name, TemplateBody=body, **more)
        return self.settled()

    def settled(self) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            stack = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
            return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

        return support.wait_for(probe, 90)

    def reasons(self) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason", "") for event in events)

    def output(self, name: str) -> str:
        outputs = self.settled()["Outputs"]
        return str(next(o["OutputValue"] for o in outputs if o["OutputKey"] == name))


def serving(world: Endpoints, url: str, weight: Any = 1.0, **more: Any) -> dict[str, Any]:
    """A model, a configuration and an endpoint, as the serving stack has them."""
    return {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": world.role, "PrimaryContainer": container(url)},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "champion",
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "InstanceType": INSTANCE,
                        "InitialInstanceCount": "1",
                        "InitialVariantWeight": weight,
                    }
                ],
                **more,
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                "RetainAllVariantProperties": True,
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/champion"},
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "MinCapacity": 1,
                "MaxCapacity": 2,
            },
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": unique("policy"),
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 100,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                },
            },
        },
    }


def artefact(world: Endpoints, label: str, code: str = support.INFERENCE) -> str:
    archive = support.model_archive(label, code)
    return support.put(world.platform, world.bucket, f"{unique('m')}.tar.gz", archive)


def registry(url: str, group: str, approval: str) -> dict[str, Any]:
    return {
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": group},
        },
        "Package": {
            "Type": "AWS::SageMaker::ModelPackage",
            "Properties": {
                "ModelPackageGroupName": group,
                "ModelApprovalStatus": approval,
                "InferenceSpecification": {
                    "Containers": [container(url)],
                    "SupportedContentTypes": ["application/json"],
                    "SupportedResponseMIMETypes": ["application/json"],
                },
            },
            "DependsOn": "Group",
        },
    }
