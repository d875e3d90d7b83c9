"""SageMaker hosting and registry: what the services refuse beyond the registry's schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.instance_types import has_local_storage
from local.emulator.refusals import Properties, refuses

MODEL, PACKAGE = "AWS::SageMaker::Model", "AWS::SageMaker::ModelPackage"
CONFIG = "AWS::SageMaker::EndpointConfig"
_MODEL_ENVIRONMENT_BYTES = 32 * 1024


def _containers(properties: Properties) -> Iterator[dict[str, Any]]:
    """Containers of a model or a package."""
    if "PrimaryContainer" in properties:
        yield properties["PrimaryContainer"]
    yield from properties.get("Containers", [])
    yield from properties.get("InferenceSpecification", {}).get("Containers", [])


def _variants(properties: Properties) -> list[dict[str, Any]]:
    return [
        *properties.get("ProductionVariants", []),
        *properties.get("ShadowProductionVariants", []),
    ]


@refuses("artefact-is-a-tarball", MODEL, PACKAGE)
def _not_a_tarball(properties: Properties) -> str | None:
    for container in _containers(properties):
        url = container.get("ModelDataUrl", "")
        if url and not url.endswith(".tar.gz"):
            return f"ModelDataUrl {url!r}: allowed: the path of one .tar.gz"
    return None


@refuses("model-environment-size", MODEL)
def _model_environment(properties: Properties) -> str | None:
    size = sum(
        len(key.encode()) + len(str(value).encode())
        for container in _containers(properties)
        for key, value in container.get("Environment", {}).items()
    )
    if size > _MODEL_ENVIRONMENT_BYTES:
        return f"Environment has {size} bytes; allowed: {_MODEL_ENVIRONMENT_BYTES} in all"
    return None


@refuses("package-of-a-group-or-by-name", PACKAGE)
def _two_names(properties: Properties) -> str | None:
    if "ModelPackageName" in properties and "ModelPackageGroupName" in properties:
        return (
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot "
            "determine which one to use. Allowed: one of them"
        )
    return None


@refuses("volume-key-with-local-storage", CONFIG)
def _volume_key(properties: Properties) -> str | None:
    if not properties.get("KmsKeyId"):
        return None
    local = [v["InstanceType"] for v in _variants(properties) if _local(v)]
    if local:
        return f"KmsKeyId is not supported for {local[0]}, whose storage is local; allowed: none"
    return None


def _local(variant: dict[str, Any]) -> bool:
    return has_local_storage(variant.get("InstanceType", ""))


@refuses("variant-names-differ", CONFIG)
def _same_names(properties: Properties) -> str | None:
    names = [variant.get("VariantName") for variant in _variants(properties)]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    return f"VariantName {twice} is used twice; allowed: each name once" if twice else None


@refuses("some-variant-has-weight", CONFIG)
def _no_weight(properties: Properties) -> str | None:
    variants = properties.get("ProductionVariants", [])
    if variants and not any(float(v.get("InitialVariantWeight", 1)) > 0 for v in variants):
        return "InitialVariantWeight is 0 in every variant; allowed: one above 0"
    return None


@refuses("shadow-beside-one-variant", CONFIG)
def _shadow(properties: Properties) -> str | None:
    shadows = properties.get("ShadowProductionVariants", [])
    production = properties.get("ProductionVariants", [])
    if shadows and (len(shadows), len(production)) != (1, 1):
        return (
            f"{len(production)} ProductionVariants and {len(shadows)} ShadowProductionVariants; "
            "allowed with a shadow: one of each"
        )
    return None


@refuses("serverless-excludes", CONFIG)
def _serverless(properties: Properties) -> str | None:
    variants = _variants(properties)
    if not any("ServerlessConfig" in variant for variant in variants):
        return None
    excluded = ("DataCaptureConfig", "VpcConfig", "ShadowProductionVariants")
    given = [name for name in excluded if properties.get(name)]
    if given:
        return f"{given[0]} beside a ServerlessConfig; allowed: none of {', '.join(excluded)}"
    if len(variants) > 1:
        return f"{len(variants)} variants beside a ServerlessConfig; allowed: one"
    return None


@refuses("provisioned-within-concurrency", CONFIG)
def _provisioned(properties: Properties) -> str | None:
    for variant in _variants(properties):
        config = variant.get("ServerlessConfig", {})
        most = int(config.get("MaxConcurrency", 0))
        if int(config.get("ProvisionedConcurrency", 0)) > most:
            return (
                f"ProvisionedConcurrency {config['ProvisionedConcurrency']}: "
                f"allowed: at most MaxConcurrency, {most}"
            )
    return None
