"""What a deletion leaves behind: probes by resource type, run after the stacks are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import boto3
from botocore.exceptions import ClientError

from operations.deployed import Resource
from stacks import registry

# Error codes by which the services say that a resource is gone.
GONE = {
    "404",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ParameterNotFound",
    "ResourceNotFoundException",
    "TrailNotFoundException",
    "ValidationException",
}


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource that outlived its stack, and why that is so."""

    stack: str
    logical_id: str
    type: str
    physical_id: str
    state: str


def _bucket(session: boto3.Session, name: str) -> str:
    session.client("s3").head_bucket(Bucket=name)
    return "kept with its objects"


def _key(session: boto3.Session, key_id: str) -> str:
    metadata = session.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]
    if metadata["KeyState"] == "PendingDeletion":
        return f"pending deletion until {metadata.get('DeletionDate', 'unknown')}"
    return f"kept, {metadata['KeyState'].lower()}"


def _table(session: boto3.Session, name: str) -> str:
    session.client("dynamodb").describe_table(TableName=name)
    return "kept with its items"


def _log_group(session: boto3.Session, name: str) -> str:
    groups = session.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return "kept with its events" if any(g["logGroupName"] == name for g in groups) else ""


def _package_group(session: boto3.Session, name: str) -> str:
    session.client("sagemaker").describe_model_package_group(
        ModelPackageGroupName=name.rpartition("/")[2]
    )
    return "kept with its model packages"


def _package(session: boto3.Session, arn: str) -> str:
    session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return "kept"


def _user_pool(session: boto3.Session, pool: str) -> str:
    session.client("cognito-idp").describe_user_pool(UserPoolId=pool)
    return "kept with its users"


Probe = Callable[[boto3.Session, str], str]
PROBES: dict[str, Probe] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::KMS::Key": _key,
    "AWS::DynamoDB::Table": _table,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SageMaker::ModelPackageGroup": _package_group,
    "AWS::SageMaker::ModelPackage": _package,
    "AWS::Cognito::UserPool": _user_pool,
}


def probes() -> dict[str, Probe]:
    """How to look for what a deletion may leave, by type; those of optional capabilities, too."""
    found = dict(PROBES)
    for module in registry.parts("leftovers"):
        found |= module.PROBES
    return found


def _state(session: boto3.Session, resource: Resource, probe: Probe) -> str:
    """State of a resource that still exists, or an empty string."""
    try:
        return probe(session, resource.physical_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return ""
        return f"unknown: {error.response['Error']['Code']}"


def leftovers(
    session: boto3.Session, resources: Iterable[Resource], *, stacks_left: set[str]
) -> list[Leftover]:
    """Resources of deleted stacks that can outlive them, each asked of its own service."""
    found, known = [], probes()
    for resource in resources:
        if resource.stack in stacks_left or resource.type not in known:
            continue
        state = _state(session, resource, known[resource.type])
        if state:
            found.append(
                Leftover(
                    resource.stack, resource.logical_id, resource.type, resource.physical_id, state
                )
            )
    return found
