"""What SageMaker refuses of a request although its service model allows it.

botocore's model has lengths, patterns and enumerations (``wire``); relations between members stand
in the API reference's prose, or are known from the errors that people report. What is made by
templates, too, has its rules in ``local.emulator.refusals``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.instance_types import has_local_storage
from local.emulator import refusals
from local.engines.errors import validation

Request = Mapping[str, Any]
Rule = Callable[[Request], str | None]

LONGEST_RUN_SECONDS = 28 * 24 * 3600
PROCESSING = "/opt/ml/processing"
_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/")


def _stopping(request: Request) -> tuple[int, int | None]:
    condition = request.get("StoppingCondition", {})
    return condition.get("MaxRuntimeInSeconds", 0), condition.get("MaxWaitTimeInSeconds")


def _spot_wait(request: Request) -> str | None:
    runtime, wait = _stopping(request)
    if not request.get("EnableManagedSpotTraining"):
        if wait is None:
            return None
        return (
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is "
            "set to true"
        )
    if wait is None:
        return "MaxWaitTimeInSeconds is required for managed spot training."
    if wait < runtime:
        return (
            f"Invalid MaxWaitTimeInSeconds {wait}. It must be equal to or greater than "
            f"MaxRuntimeInSeconds, {runtime}"
        )
    return None


def _run_length(request: Request) -> str | None:
    runtime, _ = _stopping(request)
    if runtime > LONGEST_RUN_SECONDS:
        return f"MaxRuntimeInSeconds {runtime}: allowed: at most {LONGEST_RUN_SECONDS}, 28 days"
    return None


def _algorithm(request: Request) -> str | None:
    given = [
        n for n in ("AlgorithmName", "TrainingImage") if n in request["AlgorithmSpecification"]
    ]
    if len(given) != 1:
        return f"AlgorithmSpecification has {given}: allowed: AlgorithmName or TrainingImage"
    return None


def _clusters(request: Request) -> Iterator[Mapping[str, Any]]:
    yield request.get("ResourceConfig", {})
    yield request.get("ProcessingResources", {}).get("ClusterConfig", {})
    yield request.get("TransformResources", {})


def _volume_key(request: Request) -> str | None:
    for cluster in _clusters(request):
        kind = cluster.get("InstanceType", "")
        if cluster.get("VolumeKmsKeyId") and has_local_storage(kind):
            return (
                f"VolumeKmsKeyId is not supported for {kind}, whose storage is local; allowed: none"
            )
    return None


def _channels(request: Request) -> str | None:
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"ChannelName {twice[0]} is used twice; allowed: each once" if twice else None


def _local_paths(request: Request) -> str | None:
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    places = [item.get("S3Input", {}).get("LocalPath") for item in request["ProcessingInputs"]]
    places += [item.get("S3Output", {}).get("LocalPath") for item in outputs]
    for place in places:
        if place and not place.startswith(f"{PROCESSING}/"):
            return f"LocalPath {place!r}: allowed: an absolute path below {PROCESSING}/"
    return None


def image_elsewhere(image: str, region: str) -> str | None:
    """Why SageMaker of ``region`` cannot pull an image of a registry of another Region."""
    match = _REGISTRY.match(image)
    if match is None or match["region"] == region:
        return None
    return f"Image {image!r}: allowed: an image of a registry in {region}"


_RULES: dict[str, tuple[Rule, ...]] = {
    "CreateTrainingJob": (_spot_wait, _run_length, _algorithm, _volume_key, _channels),
    "CreateProcessingJob": (_local_paths, _run_length, _volume_key),
    "CreateTransformJob": (_volume_key,),
}


# Operation → the type of a template that makes the same.
TYPES = {
    "CreateModel": "AWS::SageMaker::Model",
    "CreateEndpointConfig": "AWS::SageMaker::EndpointConfig",
    "CreateModelPackage": "AWS::SageMaker::ModelPackage",
}


def _images(request: Request) -> Iterator[str]:
    yield request.get("AlgorithmSpecification", {}).get("TrainingImage", "")
    yield request.get("AppSpecification", {}).get("ImageUri", "")
    yield request.get("PrimaryContainer", {}).get("Image", "")


def violations(operation: str, request: Request, region: str) -> Iterator[str]:
    """Reasons for which SageMaker of ``region`` refuses the request."""
    whole = {"ProcessingInputs": [], **request}
    for rule in _RULES.get(operation, ()):
        if reason := rule(whole):
            yield reason
    for _, reason in refusals.by_rules(TYPES.get(operation, ""), dict(request)):
        yield reason
    for image in _images(request):
        if reason := image_elsewhere(image, region):
            yield reason


def check(operation: str, request: Request, region: str) -> None:
    """Raise ValidationException with every reason."""
    found = list(violations(operation, request, region))
    if found:
        raise validation("; ".join(found))
