"""What a cloud assembly uploads for Lambda and for jobs, and the platforms that run it.

The bills of materials start from the assembly, not from the sources: a function or an archive that
CDK adds by itself is listed like ours, and nothing can be deployed that they leave out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.assembly import templates

IMAGE = re.compile(r"\.dkr\.ecr\.[^/]+/(?P<name>[\w/-]+):(?P<version>[\w.-]+)")
GLUE = "AWS::Glue::Job"
USERS_OF_IMAGES = ("AWS::StepFunctions::StateMachine", "AWS::SageMaker::ModelPackage")
Platform = tuple[str, str]
"""Name and version: a first and a second key of ``aws_platforms.yaml``."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file or folder that ``cdk deploy`` copies into the bootstrap bucket."""

    key: str
    label: str
    """Construct path below its stack, or the handler's package."""
    path: Path
    platforms: frozenset[Platform]
    layers: frozenset[str]
    """Keys of the Lambda layers that are mounted beside it."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads by who runs them."""

    functions: tuple[Upload, ...]
    layers: tuple[Upload, ...]
    jobs: tuple[Upload, ...]


def read_uploads(assembly: Path) -> Uploads:
    """Every upload of an assembly except the templates, each in one group."""
    resources = [
        (template["Resources"], resource["Type"], resource.get("Properties", {}))
        for template in templates(assembly).values()
        for resource in template["Resources"].values()
    ]
    files = _files(assembly)
    functions: dict[str, Upload] = {}
    layers: dict[str, Upload] = {}
    for siblings, kind, properties in resources:
        if kind == "AWS::Lambda::Function":
            key = properties["Code"]["S3Key"]
            functions[key] = _function(key, files[key][1], properties, siblings)
        elif kind == "AWS::Lambda::LayerVersion":
            key = properties["Content"]["S3Key"]
            label, path = files[key]
            layers[key] = Upload(key, label.split("/")[0], path, frozenset(), frozenset())
    jobs = files.keys() - functions.keys() - layers.keys()
    return Uploads(
        tuple(functions[key] for key in sorted(functions)),
        tuple(layers[key] for key in sorted(layers)),
        tuple(_job(key, *files[key], resources) for key in sorted(jobs)),
    )


def _files(assembly: Path) -> dict[str, tuple[str, Path]]:
    """Label and path by object key."""
    found: dict[str, tuple[str, Path]] = {}
    for manifest in sorted(assembly.glob("*.assets.json")):
        for file in json.loads(manifest.read_text())["files"].values():
            path = assembly / file["source"]["path"]
            if path.name.endswith(".template.json"):
                continue
            for destination in file["destinations"].values():
                label = file.get("displayName") or path.name
                found.setdefault(destination["objectKey"], (label, path))
    return found


def _function(key: str, path: Path, properties: dict[str, Any], siblings: dict[str, Any]) -> Upload:
    mounted = [siblings[layer["Ref"]]["Properties"] for layer in properties.get("Layers", [])]
    return Upload(
        key,
        properties["Handler"].removesuffix(".handler.handler"),
        path,
        frozenset({("aws-lambda", properties["Runtime"])}),
        frozenset(layer["Content"]["S3Key"] for layer in mounted),
    )


def _job(
    key: str, label: str, path: Path, resources: list[tuple[Any, str, dict[str, Any]]]
) -> Upload:
    """Glue runs what its jobs name; state machines and model packages name what images run."""
    users = [(kind, properties) for _, kind, properties in resources if key in str(properties)]
    used = {("aws-glue", properties["GlueVersion"]) for kind, properties in users if kind == GLUE}
    for kind, properties in users:
        if kind in USERS_OF_IMAGES:
            used |= set(_images(properties))
    return Upload(key, label, path, frozenset(used), frozenset())


def _images(value: Any) -> Iterator[Platform]:
    for match in IMAGE.finditer(json.dumps(value)):
        yield match["name"], match["version"]
