"""Which deployed resources were executed, emulated, or only recorded.

The table is ``config/resource_types.yaml``. A type that is missing from it, and a type of a service
that must not be recorded only, is an error: the run never calls something deployed that was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from config import resource_types
from config.resource_types import TABLE, Class, ResourceType

CLASSES: tuple[Class, ...] = get_args(Class)
# Services whose types may not be recorded only.
NEVER_RECORDED = (
    "AWS::KMS::", "AWS::IAM::", "AWS::S3::", "AWS::KinesisFirehose::", "AWS::Glue::",
    "AWS::StepFunctions::", "AWS::SageMaker::", "AWS::ApiGateway::", "AWS::CloudWatch::",
)  # fmt: skip


class UnclassifiedTypeError(LookupError):
    """A deployed type has no entry in the table, or an entry it may not have."""


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """One resource of a deployed stack with its class."""

    stack: str
    logical_id: str
    type: str
    physical_id: str
    kind: Class
    why: str


@cache
def load_table() -> Mapping[str, tuple[Class, str]]:
    """Type → (class, reason); raises ``UnclassifiedTypeError`` for an invalid entry."""
    return classes(resource_types.table())


def classes(known: Mapping[str, ResourceType]) -> dict[str, tuple[Class, str]]:
    """Type → (class, reason) of the rows that say what the local platform does with it.

    Raises:
        UnclassifiedTypeError: a type of a service that must not be recorded only is.
    """
    found: dict[str, tuple[Class, str]] = {}
    for name, row in known.items():
        if row.local is None:
            continue
        if row.local.kind == "recorded" and name.startswith(NEVER_RECORDED):
            raise UnclassifiedTypeError(f"{TABLE.name}: {name} may not be recorded only")
        found[name] = (row.local.kind, row.local.why)
    return found


def classify(resource_type: str) -> tuple[Class, str]:
    """Class and reason of a type; ``Custom::…`` is a custom resource."""
    name = resource_type
    if name.startswith("Custom::"):
        name = "AWS::CloudFormation::CustomResource"
    try:
        return load_table()[name]
    except KeyError:
        raise UnclassifiedTypeError(
            f"{resource_type} is deployed but not classified: add it to {TABLE.name}"
        ) from None


def deployed_resources(
    cloudformation: Any, ignore: Iterable[str] = ("CDKToolkit",)
) -> list[DeployedResource]:
    """Every resource of every living stack, by stack and logical name."""
    skip, found = set(ignore), []
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"] in skip or stack["StackStatus"] == "DELETE_COMPLETE":
                continue
            found += _resources_of(cloudformation, stack["StackName"])
    return found


def _resources_of(cloudformation: Any, stack: str) -> list[DeployedResource]:
    found = []
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for entry in page["StackResourceSummaries"]:
            kind, why = classify(entry["ResourceType"])
            found.append(
                DeployedResource(
                    stack, entry["LogicalResourceId"], entry["ResourceType"],
                    entry.get("PhysicalResourceId", ""), kind, why,
                )
            )  # fmt: skip
    return found


def summary(resources: Iterable[DeployedResource]) -> dict[str, Any]:
    """``{"executed": n, "emulated": n, "recorded": n, "by_type": {type: {...}}}``."""
    listed = list(resources)
    counts = Counter(resource.kind for resource in listed)
    by_type: dict[str, dict[str, Any]] = {}
    for resource in sorted(listed, key=lambda item: (item.type, item.stack, item.logical_id)):
        entry = by_type.setdefault(
            resource.type, {"class": resource.kind, "why": resource.why, "count": 0, "names": []}
        )
        entry["count"] += 1
        entry["names"].append(f"{resource.stack}/{resource.logical_id}")
    return {kind: counts.get(kind, 0) for kind in CLASSES} | {"by_type": by_type}
