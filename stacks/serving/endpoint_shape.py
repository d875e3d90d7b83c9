"""What an endpoint's configuration says in each mode: variants, volume key, data capture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_sagemaker as sagemaker

from config.instance_types import has_local_storage
from core import names
from stacks.serving.settings import Endpoint, Realtime, Serverless, Variant

JSON = "application/json"
ALL_TRAFFIC = 1.0
_CONFIG = sagemaker.CfnEndpointConfig
_Variants = list[sagemaker.CfnEndpointConfig.ProductionVariantProperty]


@dataclass(frozen=True, slots=True)
class Served:
    """What the endpoint serves, where it captures, and under which key."""

    models: Mapping[str, sagemaker.CfnModel]
    """By variant, champion first."""
    capture_uri: str
    key_arn: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Properties of a configuration; None is what its mode or its settings leave out."""

    production: _Variants
    shadow: _Variants | None = None
    key: str | None = None
    capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None = None


def shape_of(endpoint: Endpoint, served: Served) -> Shape:
    """The configuration of an endpoint of either mode."""
    match endpoint:
        case Realtime():
            return _realtime(endpoint, served)
        case Serverless():
            return Shape([_serverless(endpoint, served.models[names.CHAMPION])])


def _realtime(endpoint: Realtime, served: Served) -> Shape:
    def variant(name: str, settings: Variant) -> _CONFIG.ProductionVariantProperty:
        return _CONFIG.ProductionVariantProperty(
            variant_name=name,
            model_name=served.models[name].attr_model_name,
            initial_instance_count=settings.instances,
            initial_variant_weight=settings.weight,
            instance_type=endpoint.instance_type,
        )

    # SageMaker refuses a key where the instance has storage of its own.
    keyed = endpoint.volume_customer_key and not has_local_storage(endpoint.instance_type)
    shadow = endpoint.challenger if endpoint.shadow else None
    return Shape(
        production=[variant(name, one) for name, one in endpoint.production_variants.items()],
        shadow=[variant(names.CHALLENGER, shadow)] if shadow else None,
        key=served.key_arn if keyed else None,
        capture=_capture(endpoint, served) if endpoint.capture else None,
    )


def _serverless(
    endpoint: Serverless, model: sagemaker.CfnModel
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    return _CONFIG.ProductionVariantProperty(
        variant_name=names.CHAMPION,
        model_name=model.attr_model_name,
        initial_variant_weight=ALL_TRAFFIC,
        serverless_config=_CONFIG.ServerlessConfigProperty(
            max_concurrency=endpoint.max_concurrency,
            memory_size_in_mb=endpoint.memory_megabytes,
        ),
    )


def _capture(
    endpoint: Realtime, served: Served
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    return _CONFIG.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=endpoint.capture_percent,
        destination_s3_uri=served.capture_uri,
        kms_key_id=served.key_arn,
        capture_options=[
            _CONFIG.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")
        ],
        capture_content_type_header=_CONFIG.CaptureContentTypeHeaderProperty(
            json_content_types=[JSON]
        ),
    )
