"""Models and endpoint configurations, and what a model's container finally is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engines import roles
from local.engines.errors import in_use, not_found, not_local, validation
from local.engines.storage import S3Uri
from local.services.sagemaker import registry, store, wire


@dataclass(frozen=True, slots=True)
class Container:
    """What a variant or transform job starts: image, artefact and environment."""

    image: str
    model_data: S3Uri | None
    compressed: bool
    environment: Mapping[str, str]


def create_model(request: Mapping[str, Any]) -> store.Record:
    """CreateModel: checks, as AWS does, that the role can read the artefact."""
    name = request["ModelName"]
    if "Containers" in request:
        raise not_local("A model with several Containers")
    if "PrimaryContainer" not in request or "ExecutionRoleArn" not in request:
        raise validation("PrimaryContainer and ExecutionRoleArn are required.")
    roles.check_pass_role(request["ExecutionRoleArn"])
    if name in store.tables().models:
        raise in_use(f"Cannot create already existing model {store.arn('model', name)!r}.")
    record: store.Record = {
        **request,
        "ModelArn": store.arn("model", name),
        "CreationTime": wire.now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }
    _check_artefact(container(record), request["ExecutionRoleArn"])
    with store.lock:
        store.tables().models[name] = record
        store.set_tags(record["ModelArn"], record.pop("Tags", None))
    return {"ModelArn": record["ModelArn"]}


def find_model(name: str) -> store.Record:
    """The model's record, or the ValidationException AWS answers."""
    record = store.tables().models.get(name)
    if record is None:
        raise not_found("model", store.arn("model", name))
    return record


def delete_model(request: Mapping[str, Any]) -> store.Record:
    """DeleteModel: endpoints that run it are not touched, as on AWS."""
    record = find_model(request["ModelName"])
    with store.lock:
        del store.tables().models[request["ModelName"]]
        store.tables().tags.pop(record["ModelArn"], None)
    return {}


def container(model: Mapping[str, Any]) -> Container:
    """The model's container, resolved through the registry when it names a package."""
    given = model["PrimaryContainer"]
    environment = dict(given.get("Environment", {}))
    if "ModelPackageName" in given:
        packaged = registry.container_of(given["ModelPackageName"])
        environment = {**packaged.get("Environment", {}), **environment}
        given = packaged
    location, compressed = _artefact(given)
    if not given.get("Image"):
        raise validation("A container needs an Image or a ModelPackageName.")
    return Container(given["Image"], location, compressed, environment)


def _artefact(given: Mapping[str, Any]) -> tuple[S3Uri | None, bool]:
    source = given.get("ModelDataSource", {}).get("S3DataSource")
    if source:
        return S3Uri.parse(source["S3Uri"]), source["CompressionType"] == "Gzip"
    url = given.get("ModelDataUrl")
    return (S3Uri.parse(url) if url else None), True


def _check_artefact(given: Container, role_arn: str) -> None:
    session = roles.assume(role_arn, roles.SAGEMAKER, "SageMaker")
    if given.model_data is None or not given.compressed:
        return
    try:
        session.client("s3").head_object(Bucket=given.model_data.bucket, Key=given.model_data.key)
    except (ClientError, BotoCoreError) as error:
        raise validation(
            f"Could not access model data at {given.model_data}. Please ensure that the role "
            f'"{role_arn}" exists and that its trust relationship policy allows the action '
            f'"sts:AssumeRole" for the service principal "{roles.SAGEMAKER}". Also ensure that '
            f'the role has "s3:GetObject" permissions and that the object exists. ({error})'
        ) from error


def create_endpoint_config(request: Mapping[str, Any]) -> store.Record:
    """CreateEndpointConfig: variants must name models that exist."""
    name = request["EndpointConfigName"]
    if name in store.tables().endpoint_configs:
        raise in_use(f"Cannot create already existing endpoint configuration {name!r}.")
    variants = request.get("ProductionVariants", [])
    if not variants:
        raise validation("At least one production variant is required.")
    if request.get("ShadowProductionVariants"):
        raise not_local("A shadow variant")
    _check_variants(variants)
    record: store.Record = {
        **request,
        "EndpointConfigArn": store.arn("endpoint-config", name),
        "CreationTime": wire.now(),
        "ProductionVariants": [
            {"InitialVariantWeight": 1.0, "InitialInstanceCount": 1, **variant}
            for variant in variants
        ],
    }
    with store.lock:
        store.tables().endpoint_configs[name] = record
        store.set_tags(record["EndpointConfigArn"], record.pop("Tags", None))
    return {"EndpointConfigArn": record["EndpointConfigArn"]}


def _check_variants(variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        if "ModelName" not in variant:
            raise not_local("A variant without ModelName (inference components)")
        find_model(variant["ModelName"])
        if not {"ServerlessConfig", "InstanceType"} & set(variant):
            raise validation(f"Variant {variant['VariantName']} needs an InstanceType.")


def find_endpoint_config(name: str) -> store.Record:
    """The configuration's record, or the ValidationException AWS answers."""
    record = store.tables().endpoint_configs.get(name)
    if record is None:
        raise not_found("endpoint configuration", store.arn("endpoint-config", name))
    return record


def delete_endpoint_config(request: Mapping[str, Any]) -> store.Record:
    """DeleteEndpointConfig; one in use by an endpoint can go too, as on AWS."""
    record = find_endpoint_config(request["EndpointConfigName"])
    with store.lock:
        del store.tables().endpoint_configs[request["EndpointConfigName"]]
        store.tables().tags.pop(record["EndpointConfigArn"], None)
    return {}
