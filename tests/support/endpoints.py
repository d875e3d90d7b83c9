"""Models, configurations and endpoints for tests: what they share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from core import names
from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import IMAGE, INSTANCE, unique


class Endpoints:
    """Creates models, configurations and endpoints in one bucket under one role."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.names: set[str] = set()
        self.sagemaker = platform.client("sagemaker")
        self.runtime = platform.client("sagemaker-runtime")
        self.bucket = support.make_bucket(platform)
        self.role = support.make_role(
            platform,
            "sagemaker.amazonaws.com",
            [*support.bucket_access(self.bucket), support.allow("cloudwatch:DescribeAlarms")],
        )

    def model(self, label: str, code: str = support.INFERENCE, role: str | None = None) -> str:
        name = unique("model")
        url = support.put(
            self.platform, self.bucket, f"{name}.tar.gz", support.model_archive(label, code)
        )
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=role or self.role, PrimaryContainer=container(url)
        )
        return name

    def config(self, models: dict[str, tuple[str, float]], **more: Any) -> str:
        name = unique("config")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": model,
                    "InstanceType": INSTANCE,
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": weight,
                }
                for variant, (model, weight) in models.items()
            ],
            **more,
        )
        return name

    def endpoint(self, config: str, **more: Any) -> str:
        name = unique("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **more)
        self.names.add(name)
        found = self.settled(name)
        assert found["EndpointStatus"] == "InService", found.get("FailureReason")
        return name

    def end(self, names: Iterable[str]) -> None:
        """Delete endpoints, those that a test has deleted already left aside."""
        for name in list(names):
            self.names.discard(name)
            try:
                self.settled(name)
                self.sagemaker.delete_endpoint(EndpointName=name)
            except ClientError as error:
                if "Could not find" not in str(error):
                    raise

    def settled(self, name: str) -> dict[str, Any]:
        return support.settled(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus"
        )

    def configuration(self, name: str) -> str:
        """The configuration that an endpoint serves."""
        return str(self.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"])

    def ask(self, name: str, payload: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(
            EndpointName=name,
            ContentType="application/json",
            Body=json.dumps(payload or {"x": 1}),
            **more,
        )
        return {**json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}

    def variants(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.platform.state_dir / "endpoints.json").read_text()
        )[name]
        return found


def container(url: str) -> dict[str, Any]:
    return {"Image": IMAGE, "ModelDataUrl": url, "Environment": dict(names.MODEL_ENVIRONMENT)}


def capture_config(bucket: str, share: int = 100) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": share,
        "DestinationS3Uri": f"s3://{bucket}/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def captured(world: Endpoints, name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for key in support.keys(world.platform, world.bucket, f"capture/{name}/")
        for line in support.read(world.platform, world.bucket, key).splitlines()
    ]


def blue_green(kind: str, wait: int = 0, termination: int = 0, **sizes: Any) -> dict[str, Any]:
    """A deployment configuration; sizes are ``canary=(type, value)`` or ``linear``."""
    names = {"canary": "CanarySize", "linear": "LinearStepSize"}
    routing: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": wait}
    for name, (unit, value) in sizes.items():
        routing[names[name]] = {"Type": unit, "Value": value}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
        }
    }
