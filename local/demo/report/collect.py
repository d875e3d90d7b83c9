"""What CloudFormation says was deployed: stacks, their resources, and who reads whose outputs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from local.demo.report.model import Stack
from local.demo.story import Story
from operations.assembly import consumed_outputs

SERVICE_NAMES = {
    "KinesisFirehose": "Firehose",
    "StepFunctions": "Step Functions",
    "ApiGateway": "API Gateway",
    "ApplicationAutoScaling": "Auto Scaling",
    "SecretsManager": "Secrets Manager",
    "CloudFormation": "custom",
    "Events": "EventBridge",
    "SageMaker": "SageMaker",
}
CDK_METADATA = "AWS::CDK::Metadata"


def deployed_stacks(story: Story) -> list[Stack]:
    """The stacks in the order of their creation, with edges read from the deployed templates."""
    deployed, cloudformation = story.deployed, story.client("cloudformation")
    prefix = f"{story.scope.stack_prefix}-"
    stacks = []
    for name in deployed.stacks:
        body = cloudformation.get_template(StackName=f"{prefix}{name}")["TemplateBody"]
        template = json.loads(body) if isinstance(body, str) else body
        used = {stack.removeprefix(prefix) for stack, _ in consumed_outputs(template)}
        types = [r.type for r in deployed.resources if r.stack == name and r.type != CDK_METADATA]
        stacks.append(
            Stack(
                name=name,
                resources=len(types),
                by_handling={},
                services=dict(Counter(map(service, types))),
                uses=sorted(used - {name}, key=deployed.stacks.index),
            )
        )
    return stacks


def service(resource_type: str) -> str:
    """The service's name as people say it."""
    parts = resource_type.split("::")
    name = parts[1] if len(parts) > 1 and parts[0] == "AWS" else "custom"
    return SERVICE_NAMES.get(name, name)


def with_handling(stacks: list[Stack], deployed: Any, handling: dict[str, str]) -> None:
    """Count each stack's resources by how the platform treats their type."""
    for stack in stacks:
        types = [r.type for r in deployed.resources if r.stack == stack.name]
        stack.by_handling = dict(Counter(handling[t] for t in types if t in handling))
