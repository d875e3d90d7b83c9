"""What would be lost: resources that hold state, their retention, and what replaces them.

A changed logical id makes a new, empty resource. So does a changed create-only property; which
properties those are, CloudFormation's own resource schemas say (they ship with cfn-lint).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from cfnlint.schema import (  # type: ignore[import-untyped]
    PROVIDER_SCHEMA_MANAGER,
    ResourceNotFoundError,
)

from review.assembly import Assembly, Resource
from review.resolve import plain

STATEFUL_TYPES = frozenset(
    {
        "AWS::Athena::WorkGroup",
        "AWS::Backup::BackupVault",
        "AWS::CloudTrail::Trail",
        "AWS::Cognito::UserPool",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::EC2::VPC",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::KinesisFirehose::DeliveryStream",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SageMaker::ModelPackage",
        "AWS::SageMaker::ModelPackageGroup",
        "AWS::SecretsManager::Secret",
        "Custom::ModelPointers",
    }
)
# The schemas differ between Regions in what exists, not in what replaces a resource.
_SCHEMA_REGION = "us-east-1"
_LONGEST = 120
_REPLACE = "UpdateReplacePolicy"


@dataclass(frozen=True, slots=True)
class Stateful:
    """A resource whose loss or replacement loses what it holds."""

    stack: str
    logical_id: str
    name: str
    type: str
    retention: str
    """What becomes of it when it leaves the stack: ``Delete``, ``Retain``, ``Snapshot``."""
    fixed: dict[str, str]
    """Create-only properties that are set: a new value makes a new resource."""


def stateful(assembly: Assembly) -> list[Stateful]:
    """Every stateful resource by stack and logical id."""
    return [_describe(assembly, resource) for resource in assembly.resources(*STATEFUL_TYPES)]


def _describe(assembly: Assembly, resource: Resource) -> Stateful:
    policies = {str(resource.body.get(p, "Delete")) for p in ("DeletionPolicy", _REPLACE)}
    return Stateful(
        stack=resource.stack,
        logical_id=resource.logical_id,
        name=resource.name,
        type=resource.type,
        retention="Retain" if policies == {"Retain"} else "/".join(sorted(policies)),
        fixed=_fixed(assembly, resource),
    )


def _fixed(assembly: Assembly, resource: Resource) -> dict[str, str]:
    found = {}
    for pointer in create_only(resource.type):
        value = _at(resource.properties, pointer)
        if value is not None:
            settled = plain(assembly, resource.stack, value)
            shown = settled if isinstance(settled, str) else json.dumps(settled, sort_keys=True)
            found["/".join(pointer)] = _short(shown)
    return dict(sorted(found.items()))


def _short(value: str) -> str:
    """Long values end in a digest: enough to see that one has changed."""
    if len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}… sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"


@cache
def create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """Paths of the properties whose change replaces a resource of this type."""
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_SCHEMA_REGION, resource_type).schema
    except ResourceNotFoundError:
        return ()
    pointers = schema.get("createOnlyProperties", [])
    return tuple(tuple(pointer.split("/")[2:]) for pointer in pointers)


def _at(value: Any, pointer: tuple[str, ...]) -> Any:
    for part in pointer:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value
