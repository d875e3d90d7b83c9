"""``make destroy``: delete the stacks, deal with what CloudFormation cannot, say what is left.

Data is deleted only when two keys turn: ``retention.allow_data_deletion`` in the settings file and
``--delete-data`` on the command line. Without both, stacks under termination protection stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import boto3
import typer

from config.load import load_deployment
from lambdas.shared.names import Scope
from operations.cdk import ROOT, run_cdk
from operations.deployment import Deployment, Resource
from operations.leftovers import Leftover, leftovers


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
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": versions, "Quiet": True})
        for error in answer.get("Errors", []):
            typer.echo(f"{name}: {error['Key']} stays: {error['Code']} {error['Message']}")
        deleted += len(versions) - len(answer.get("Errors", []))
    return deleted


def delete_model_packages(session: boto3.Session, group: str) -> None:
    """A package group can't be deleted while it holds packages, so they go first."""
    sagemaker = session.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group.rpartition("/")[2]
    )
    for page in pages:
        for package in page["ModelPackageSummaryList"]:
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _physical(resources: list[Resource], resource_type: str) -> list[str]:
    return [r.physical_id for r in resources if r.type == resource_type and r.physical_id]


def _delete_data(deployment: Deployment, resources: list[Resource]) -> int:
    """Turn off protection and empty what CloudFormation refuses to delete while it holds data."""
    for stack in deployment.stacks():
        deployment.cloudformation.update_termination_protection(
            EnableTerminationProtection=False, StackName=stack["StackName"]
        )
    return sum(
        empty_bucket(deployment.session, name) for name in _physical(resources, "AWS::S3::Bucket")
    )


def _protected(deployment: Deployment) -> set[str]:
    return {
        stack["StackName"]
        for stack in deployment.stacks()
        if stack.get("EnableTerminationProtection")
    }


def destroy_deployment(environment: str, *, delete_data: bool) -> Outcome:
    """Delete a deployment and report what is left.

    Raises:
        SystemExit: ``delete_data`` without the settings' consent, or the CLI failed.
    """
    settings = load_deployment(environment, ROOT).settings
    if delete_data and not settings.retention.allow_data_deletion:
        raise SystemExit(
            f"config/{environment}.yaml: retention.allow_data_deletion: false — "
            "set it to true and deploy before deleting data"
        )
    deployment = Deployment(Scope(settings.instance, settings.environment), region=settings.region)
    resources = deployment.resources()
    objects = _delete_data(deployment, resources) if delete_data else 0
    kept = _protected(deployment)
    doomed = [s["StackName"] for s in deployment.stacks() if s["StackName"] not in kept]
    if delete_data:
        for group in _physical(resources, "AWS::SageMaker::ModelPackageGroup"):
            delete_model_packages(deployment.session, group)
    if doomed:
        selected = [deployment.short_name(name) for name in doomed]
        run_cdk(["destroy", "--force", "-c", f"env={environment}", "--exclusively", *selected])
    if delete_data:  # logs that arrived while the stacks went
        remaining = [n for n in _physical(resources, "AWS::S3::Bucket") if _exists(deployment, n)]
        objects += sum(empty_bucket(deployment.session, name) for name in remaining)
    left = {stack["StackName"] for stack in deployment.stacks()}
    found = leftovers(deployment.session, resources, stacks_left=left)
    return Outcome(sorted(left), found, objects)


def _exists(deployment: Deployment, bucket: str) -> bool:
    s3 = deployment.session.client("s3")
    return bucket in {item["Name"] for item in s3.list_buckets()["Buckets"]}


def main(environment: str, delete_data: bool = False) -> None:
    """Destroy, then print every stack and resource that is left."""
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
