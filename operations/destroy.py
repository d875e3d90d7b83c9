"""``make destroy``: delete the stacks, deal with what CloudFormation cannot, say what is left.

Data is deleted only when two keys turn: ``retention.allow_data_deletion`` in the settings file and
``--delete-data`` on the command line. Without both, stacks under termination protection stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import typer
from botocore.exceptions import ClientError

from config.load import load_deployment
from core.names import Scope
from operations import named
from operations.cdk import ASSEMBLY, ROOT, CdkError, run_cdk
from operations.deployed import Deployed, describe_stacks
from operations.leftovers import Leftover, leftovers
from operations.preflight.before import assert_caller

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a destroy did: stacks that remain and resources that outlived their stack."""

    stacks_left: list[str]
    left: list[Leftover]
    objects_deleted: int


def empty_bucket(session: boto3.Session, name: str) -> int:
    """Delete every version of every object; returns how many versions went."""
    s3 = session.client("s3")
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        versions = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if not versions:
            continue
        answer = s3.delete_objects(
            Bucket=name,
            Delete={"Objects": versions, "Quiet": True},
            BypassGovernanceRetention=True,  # the trail's default lock, where deletion is allowed
        )
        for error in answer.get("Errors", []):
            typer.echo(f"{name}: {error['Key']} stays: {error['Code']} {error['Message']}")
        deleted += len(versions) - len(answer.get("Errors", []))
    return deleted


def delete_registry(session: boto3.Session, deployed: Deployed) -> None:
    """Delete the model package groups, which outlive their stack, and the packages in them first.

    A package group can't be deleted while it holds packages.
    """
    sagemaker = session.client("sagemaker")
    for resource in deployed.of_type("AWS::SageMaker::ModelPackageGroup"):
        group = resource.physical_id.rpartition("/")[2]
        pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        arns = [p["ModelPackageArn"] for page in pages for p in page["ModelPackageSummaryList"]]
        for arn in arns:
            sagemaker.delete_model_package(ModelPackageName=arn)
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def _existing_buckets(session: boto3.Session, deployed: Deployed) -> list[str]:
    existing = {bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]}
    return sorted(existing & {r.physical_id for r in deployed.of_type("AWS::S3::Bucket")})


def _empty_existing(session: boto3.Session, deployed: Deployed) -> int:
    return sum(empty_bucket(session, name) for name in _existing_buckets(session, deployed))


def assert_buckets_answer(s3: Any, buckets: Iterable[str]) -> None:
    """Look into each bucket before anything is deleted.

    Raises:
        SystemExit: one denies the caller, as all do from outside the S3 perimeter.
    """
    for name in buckets:
        try:
            s3.list_object_versions(Bucket=name, MaxKeys=1)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            raise SystemExit(
                f"{name} does not let you look into it; nothing was deleted. Buckets answer roles "
                "of the setting perimeter.break_glass_roles: assume one and run this again."
            ) from error


def _unprotect(cloudformation: Any, scope: Scope) -> None:
    for stack in describe_stacks(cloudformation, scope):
        cloudformation.update_termination_protection(
            EnableTerminationProtection=False, StackName=stack["StackName"]
        )


def _destroy(stacks: list[str], log: Path | None) -> None:
    if stacks:
        options = ["--app", str(ASSEMBLY), "--concurrency", "4", "--exclusively"]
        run_cdk(["destroy", "--force", *options, *stacks], log=log)


def _destroy_with_data(
    session: boto3.Session, deployed: Deployed, stacks: list[str], log: Path | None
) -> int:
    """Delete the writers, then the buckets they wrote to; returns the deleted object versions.

    Firehose flushes its buffers when its stream goes, and logs arrive when they like, so a bucket
    that was emptied may hold objects again: it is emptied anew before each attempt.
    """
    holders = {bucket.stack for bucket in deployed.of_type("AWS::S3::Bucket")}
    _destroy([name for name in stacks if name not in holders], log)
    objects = 0
    for attempt in range(1, ATTEMPTS + 1):
        objects += _empty_existing(session, deployed)
        try:
            _destroy([name for name in stacks if name in holders], log)
            break
        except CdkError:
            if attempt == ATTEMPTS:
                raise
    objects += _empty_existing(session, deployed)  # buckets that the settings retain
    delete_registry(session, deployed)
    return objects


def destroy_deployment(
    environment: str, *, delete_data: bool, log: Path | None = None, synthesised: bool = False
) -> Outcome:
    """Delete a deployment and report what is left; the CLI prints, or writes to ``log``.

    ``synthesised`` says that ``cdk.out`` holds what was deployed, so it need not be made again.

    Raises:
        SystemExit: ``delete_data`` without the settings' consent, or the CLI failed.
    """
    settings = load_deployment(environment, ROOT).settings
    if delete_data and not settings.retention.allow_data_deletion:
        raise SystemExit(
            f"config/{environment}.yaml: retention.allow_data_deletion: false — "
            "set it to true and deploy before deleting data"
        )
    scope = settings.scope
    session = boto3.Session(region_name=settings.region)
    cloudformation = session.client("cloudformation")
    deployed = Deployed.read(cloudformation, scope)
    if delete_data:
        assert_buckets_answer(session.client("s3"), _existing_buckets(session, deployed))
        _unprotect(cloudformation, scope)
    doomed = [
        scope.short_stack(stack["StackName"])
        for stack in describe_stacks(cloudformation, scope)
        if not stack.get("EnableTerminationProtection")
    ]
    if not synthesised:  # compliance packs have no say in a deletion
        context = ["-c", f"env={environment}", "-c", "nag=off"]
        run_cdk(["synth", "--quiet", *context, "--output", str(ASSEMBLY)], log=log)
    objects = 0
    if delete_data:
        objects = _destroy_with_data(session, deployed, doomed, log)
    else:
        _destroy(doomed, log)
    left = [scope.short_stack(s["StackName"]) for s in describe_stacks(cloudformation, scope)]
    found = leftovers(session, deployed.resources, stacks_left=set(left))
    return Outcome(sorted(left), found, objects)


def main(environment: str, delete_data: bool = False) -> None:
    """Ask who calls, destroy, then print every stack and resource that is left."""
    assert_caller(named.deployment(environment).settings)
    outcome = destroy_deployment(environment, delete_data=delete_data)
    for stack in outcome.stacks_left:
        typer.echo(f"kept: stack {stack} (termination protection: it holds data)")
    for item in outcome.left:
        typer.echo(f"left: {item.type} {item.physical_id} ({item.stack}): {item.state}")
    typer.echo(
        f"{len(outcome.stacks_left)} stacks kept, {len(outcome.left)} resources left, "
        f"{outcome.objects_deleted} object versions deleted"
    )


if __name__ == "__main__":
    typer.run(main)
