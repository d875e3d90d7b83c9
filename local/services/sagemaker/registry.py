"""Model package groups and model packages: versions, approval, and what a package deploys.

Registering a package reads the archives that it names, with the rights of the caller and from
SageMaker's own network: a bucket that answers our VPC endpoint alone refuses it.
https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol-model-registry.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.engines import roles
from local.engines.errors import ServiceError, in_use, not_found, validation
from local.services.sagemaker import events, store, wire

_UPDATABLE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "CustomerMetadataProperties",
    "AdditionalInferenceSpecificationsToAdd",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
# In AWS's words: https://github.com/aws/aws-cdk/issues/33699
NO_TAGS = (
    "Tags are not supported in Model Package versions. Please add them to the Model Package Group."
)


def create_group(request: Mapping[str, Any]) -> store.Record:
    """CreateModelPackageGroup."""
    name = request["ModelPackageGroupName"]
    if name in store.tables().package_groups:
        raise validation(f"Model Package Group already exists: {_group_arn(name)}")
    record: store.Record = {
        **request,
        "ModelPackageGroupArn": _group_arn(name),
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": wire.now(),
        "CreatedBy": {},
    }
    with store.lock:
        store.tables().package_groups[name] = record
        store.set_tags(record["ModelPackageGroupArn"], record.pop("Tags", None))
    return {"ModelPackageGroupArn": record["ModelPackageGroupArn"]}


def find_group(name: str) -> store.Record:
    """The group by name or ARN."""
    record = store.tables().package_groups.get(name.rsplit("/", 1)[-1])
    if record is None:
        raise validation(f"ModelPackageGroup {_group_arn(name)} does not exist.")
    return record


def delete_group(request: Mapping[str, Any]) -> store.Record:
    """DeleteModelPackageGroup; refused while it holds packages."""
    group = find_group(request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(p.get("ModelPackageGroupName") == name for p in store.tables().packages.values()):
        raise ServiceError(
            "ConflictException",
            f"Cannot delete model package group {name}: it still holds model packages.",
        )
    with store.lock:
        del store.tables().package_groups[name]
        store.tables().tags.pop(group["ModelPackageGroupArn"], None)
    return {}


def create_package(request: Mapping[str, Any]) -> store.Record:
    """CreateModelPackage: the next version of a group, or an unversioned package by name."""
    group = request.get("ModelPackageGroupName")
    name = request.get("ModelPackageName")
    if not group and not name:
        raise validation("Give either ModelPackageGroupName or ModelPackageName.")
    if group and request.get("Tags"):
        raise validation(NO_TAGS)
    if "InferenceSpecification" not in request and "SourceUri" not in request:
        raise validation("InferenceSpecification is required.")
    _check_instance_types(request, bool(group))
    for container in request.get("InferenceSpecification", {}).get("Containers", []):
        if container.get("ModelDataUrl"):
            roles.check_caller_reads(container["ModelDataUrl"])
    with store.lock:
        record = _new_package(request, group, name)
        store.tables().packages[record["ModelPackageArn"]] = record
        store.set_tags(record["ModelPackageArn"], record.pop("Tags", None))
    _announce(record)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def _check_instance_types(request: Mapping[str, Any], versioned: bool) -> None:
    """Without a group a package has to name them; with one, naming them would pin them."""
    given = request.get("InferenceSpecification", {})
    wanted = ("SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes")
    missing = [name for name in wanted if not given.get(name)]
    if not versioned and given and missing:
        raise validation(f"{' and '.join(missing)}: required for an unversioned model package.")


def _new_package(request: Mapping[str, Any], group: str | None, name: str | None) -> store.Record:
    record: store.Record = {
        **request,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreationTime": wire.now(),
        "LastModifiedTime": wire.now(),
        "CreatedBy": {},
    }
    if group:
        owner = find_group(group)
        version = owner["_versions"] = owner.get("_versions", 0) + 1
        group = owner["ModelPackageGroupName"]
        record |= {
            "ModelPackageGroupName": group,
            "ModelPackageName": group,
            "ModelPackageVersion": version,
            "ModelPackageArn": store.arn("model-package", f"{group}/{version}"),
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        }
    else:
        assert name is not None
        record["ModelPackageArn"] = store.arn("model-package", name)
        if record["ModelPackageArn"] in store.tables().packages:
            raise in_use(f"Model package {name} already exists.")
    return record


def find_package(identifier: str) -> store.Record:
    """The package by ARN, or an unversioned one by name."""
    arn = identifier if identifier.startswith("arn:") else store.arn("model-package", identifier)
    record = store.tables().packages.get(arn)
    if record is None:
        raise not_found("model package", arn)
    return record


def assert_taggable(arn: str) -> None:
    """ValidationException for a version of a group: its group's tags are its own."""
    package = store.tables().packages.get(arn, {})
    if "ModelPackageGroupName" in package:
        raise validation(NO_TAGS)


def update_package(request: Mapping[str, Any]) -> store.Record:
    """UpdateModelPackage: approval and metadata; versions themselves are immutable."""
    record = find_package(request["ModelPackageArn"])
    with store.lock:
        for member in _UPDATABLE:
            if member in request:
                key = member.removesuffix("ToAdd")
                record[key] = request[member]
        properties = record.get("CustomerMetadataProperties", {})
        for key in request.get("CustomerMetadataPropertiesToRemove", []):
            properties.pop(key, None)
        record["LastModifiedTime"] = wire.now()
    if "ModelApprovalStatus" in request:
        _announce(record)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def delete_package(request: Mapping[str, Any]) -> store.Record:
    """DeleteModelPackage; its version number is not used again."""
    record = find_package(request["ModelPackageName"])
    with store.lock:
        del store.tables().packages[record["ModelPackageArn"]]
        store.tables().tags.pop(record["ModelPackageArn"], None)
    return {}


def list_packages(request: Mapping[str, Any]) -> store.Record:
    """ListModelPackages of one group, or the unversioned ones."""
    group = request.get("ModelPackageGroupName")
    if group:
        group = find_group(group)["ModelPackageGroupName"]
    approval = request.get("ModelApprovalStatus")

    def keep(record: store.Record) -> bool:
        if record.get("ModelPackageGroupName") != group:
            return False
        return not approval or record.get("ModelApprovalStatus") == approval

    packages = list(store.tables().packages.values())
    return store.listing("ListModelPackages", packages, request, "ModelPackageName", keep)


def container_of(identifier: str) -> store.Record:
    """The container a model made from the package runs; a version has to be approved before."""
    package = find_package(identifier)
    status = package.get("ModelApprovalStatus", "Approved")
    if status != "Approved":
        raise validation(
            f"Model package {package['ModelPackageArn']} has ModelApprovalStatus {status}; "
            "allowed: Approved"
        )
    containers = package["InferenceSpecification"]["Containers"]
    found: store.Record = containers[0]
    return found


def _group_arn(name: str) -> str:
    return store.arn("model-package-group", name.rsplit("/", 1)[-1])


def _announce(record: store.Record) -> None:
    events.publish("SageMaker Model Package State Change", record, record["ModelPackageArn"])
