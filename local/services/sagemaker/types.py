"""CloudFormation types of SageMaker.

Each handler turns the resource's properties into the API request that CloudFormation makes on
AWS and holds it to botocore's model, so a property that AWS would refuse fails the stack here
too. ``Ref`` and ``Fn::GetAtt`` give what the resource specification says. Which property change
replaces a resource is the specification's ``createOnlyProperties``.
"""

# ruff: noqa: ARG002 -- handlers share one signature
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation.provisioners import _physical_name

from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin
from local.engines import roles
from local.engines.errors import ServiceError
from local.engines.host import state_dir
from local.services.sagemaker import endpoints, registry, service, store, wire

pin("ministack.services.cloudformation.provisioners", _physical_name="callable")

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]
_POLL_SECONDS = 0.1
_ENDPOINT_SECONDS = 600.0
UNNOTICED_ROLLBACKS = "unnoticed-endpoint-rollbacks"


def _call(operation: str, properties: Mapping[str, Any]) -> store.Record:
    """A SageMaker operation as CloudFormation makes it; ValueError carries AWS's words."""
    try:
        with roles.on_behalf_of_cloudformation():
            return service.call(operation, wire.from_properties("sagemaker", operation, properties))
    except ServiceError as error:
        raise ValueError(
            f"{error.message} (Service: SageMaker, Error Code: {error.code})"
        ) from None


def _named(properties: Properties, member: str, stack: str, logical_id: str) -> Properties:
    if properties.get(member):
        return properties
    return {**properties, member: _physical_name(stack, logical_id, max_len=63)}


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _retag(arn: str, new: Properties) -> None:
    wanted = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
    with store.lock:
        store.tables().tags[arn] = wanted


class _Simple:
    """Model, EndpointConfig and ModelPackageGroup: everything but tags is create-only."""

    def __init__(self, word: str, *attributes: str) -> None:
        self.word = word
        self.attributes = attributes

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        named = _named(properties, f"{self.word}Name", stack, logical_id)
        arn = _call(f"Create{self.word}", named)[f"{self.word}Arn"]
        return arn, self._attributes(arn)

    def update(
        self, arn: str, _old: Properties, new: Properties, _stack: str, _logical_id: str | None
    ) -> Provisioned:
        _retag(arn, new)
        return arn, self._attributes(arn)

    def delete(self, arn: str, _properties: Properties) -> None:
        try:
            _call(f"Delete{self.word}", {f"{self.word}Name": _name(arn)})
        except ValueError as error:
            if "Could not find" not in str(error) and "does not exist" not in str(error):
                raise

    def _attributes(self, arn: str) -> dict[str, Any]:
        described = wire.to_json(_call(f"Describe{self.word}", {f"{self.word}Name": _name(arn)}))
        return {name: described[name] for name in (f"{self.word}Arn", *self.attributes)}


class _Group(_Simple):
    """ModelPackageGroup: its resource policy is a property here and an operation in the API."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        plain = {k: v for k, v in properties.items() if k != "ModelPackageGroupPolicy"}
        return super().create(logical_id, plain, stack)


class _Package:
    """ModelPackage: a change of what it deploys makes a new version."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        plain = {
            k: v for k, v in properties.items() if k != "AdditionalInferenceSpecificationsToAdd"
        }
        arn = _call("CreateModelPackage", plain)["ModelPackageArn"]
        return arn, self._attributes(arn)

    def update(
        self, arn: str, old: Properties, new: Properties, stack: str, logical_id: str | None
    ) -> Provisioned:
        members = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
        changed = {m: new[m] for m in members if m in new and new[m] != old.get(m)}
        if changed:
            _call("UpdateModelPackage", {"ModelPackageArn": arn, **changed})
        if new.get("Tags"):
            _call("AddTags", {"ResourceArn": arn, "Tags": new["Tags"]})
        return arn, self._attributes(arn)

    def delete(self, arn: str, properties: Properties) -> None:
        if arn in store.tables().packages:
            _call("DeleteModelPackage", {"ModelPackageName": arn})

    def _attributes(self, arn: str) -> dict[str, Any]:
        record = wire.to_json({k: v for k, v in registry.find_package(arn).items() if k[0] != "_"})
        names = ("ModelPackageArn", "ModelPackageStatus", "CreationTime", "LastModifiedTime")
        optional = {
            k: record[k] for k in ("ModelPackageName", "ModelPackageVersion") if k in record
        }
        return {**{name: record[name] for name in names}, **optional}


def _unnoticed() -> bool:
    """Whether updates of an endpoint that were rolled back count as complete.

    SageMaker takes the endpoint back to ``InService``, and whoever waits for that alone believes in
    the update, as Terraform does. Whether CloudFormation does is not documented, so both worlds are
    here: by default the resource fails, with this file in the state directory it does not.
    https://github.com/hashicorp/terraform-provider-aws/issues/46663
    """
    return (state_dir() / UNNOTICED_ROLLBACKS).exists()


class _Endpoint:
    """Endpoint: creation and update wait until the endpoint serves, or fail with its reason."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        named = _named(properties, "EndpointName", stack, logical_id)
        members = ("EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags")
        arn = _call("CreateEndpoint", {m: named[m] for m in members if m in named})["EndpointArn"]
        record = self._settled(_name(arn))
        if record["EndpointStatus"] == "Failed":
            self.delete(arn, named)
            raise ValueError(f"Endpoint {_name(arn)} failed: {record.get('FailureReason')}")
        return arn, self._attributes(arn)

    def update(
        self, arn: str, old: Properties, new: Properties, stack: str, logical_id: str | None
    ) -> Provisioned:
        name = _name(arn)
        if any(old.get(m) != new.get(m) for m in ("EndpointConfigName", "DeploymentConfig")):
            self._settled(name)
            members = [m for m in new if m not in ("EndpointName", "Tags")]
            _call("UpdateEndpoint", {"EndpointName": name, **{m: new[m] for m in members}})
            record = self._settled(name)
            if record.get("FailureReason") and not _unnoticed():
                raise ValueError(f"Endpoint {name}: {record['FailureReason']}")
        _retag(arn, new)
        return arn, self._attributes(arn)

    def delete(self, arn: str, properties: Properties) -> None:
        if _name(arn) in store.tables().endpoints:
            self._settled(_name(arn))
            _call("DeleteEndpoint", {"EndpointName": _name(arn)})

    def _attributes(self, arn: str) -> dict[str, Any]:
        return {"EndpointArn": arn, "EndpointName": _name(arn)}

    def _settled(self, name: str) -> store.Record:
        deadline = time.monotonic() + _ENDPOINT_SECONDS
        while (record := endpoints.find(name))["EndpointStatus"] not in endpoints.SETTLED:
            if time.monotonic() > deadline:
                raise ValueError(f"Endpoint {name} did not settle: {record['EndpointStatus']}")
            time.sleep(_POLL_SECONDS)
        return record


_MODEL_CREATE_ONLY = (
    "Containers EnableNetworkIsolation ExecutionRoleArn InferenceExecutionConfig ModelName "
    "PrimaryContainer VpcConfig"
)
_CONFIG_CREATE_ONLY = (
    "AsyncInferenceConfig DataCaptureConfig EnableNetworkIsolation EndpointConfigName "
    "ExecutionRoleArn ExplainerConfig KmsKeyId MetricsConfig ProductionVariants "
    "ShadowProductionVariants VpcConfig"
)
_PACKAGE_CREATE_ONLY = (
    "ClientToken Domain DriftCheckBaselines InferenceSpecification MetadataProperties ModelMetrics "
    "ModelPackageDescription ModelPackageGroupName SamplePayloadUrl SecurityConfig "
    "SourceAlgorithmSpecification Task ValidationSpecification"
)

# type -> (handlers, create-only properties, the property that names it)
TYPES: dict[str, tuple[Any, str, str | None]] = {
    "AWS::SageMaker::Model": (_Simple("Model", "ModelName"), _MODEL_CREATE_ONLY, "ModelName"),
    "AWS::SageMaker::EndpointConfig": (
        _Simple("EndpointConfig", "EndpointConfigName"),
        _CONFIG_CREATE_ONLY,
        "EndpointConfigName",
    ),
    "AWS::SageMaker::Endpoint": (_Endpoint(), "EndpointName", "EndpointName"),
    "AWS::SageMaker::ModelPackageGroup": (
        _Group("ModelPackageGroup", "ModelPackageGroupStatus", "CreationTime"),
        "ModelPackageGroupDescription ModelPackageGroupName",
        "ModelPackageGroupName",
    ),
    "AWS::SageMaker::ModelPackage": (_Package(), _PACKAGE_CREATE_ONLY, None),
}


def attach(tables: Tables) -> None:
    """Register the types; all run on worker threads, because they read S3 and wait for servers."""
    for name, (handlers, create_only, name_property) in TYPES.items():
        tables.add_resource_type(
            ResourceType(
                name=name,
                create=handlers.create,
                update=handlers.update,
                delete=handlers.delete,
                create_only=frozenset(create_only.split()),
                blocking=True,
                name_property=name_property,
            )
        )
