"""Endpoint with its configuration: variants, data capture, guardrails.

Weights and counts in the configuration are initial: the endpoint keeps its own on an update
(``RetainAllVariantProperties``), or each roll-out would end a running experiment. Alarms that guard
an update watch its configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, Fn
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.instance_types import has_local_storage
from config.settings import Settings
from core import names
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import BaseStack
from stacks.kit.nag import acknowledge
from stacks.serving import guardrails
from stacks.serving.alarms import VariantAlarms, VariantAlarmsProps
from stacks.serving.served_model import package_version, shape_digest
from stacks.serving.settings import Serving, Variant

JSON = "application/json"
ENDPOINT_CONFIG_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html"
)
_CONFIG = sagemaker.CfnEndpointConfig
_ENDPOINT = sagemaker.CfnEndpoint


@dataclass(frozen=True, slots=True)
class ModelEndpointProps:
    """What the endpoint serves and where it captures."""

    models: Mapping[str, sagemaker.CfnModel]
    """By variant, champion first."""
    packages: Mapping[str, str]
    capture_uri: str
    key_arn: str
    topic: sns.ITopic


class ModelEndpoint(Construct):
    """``config``, ``guards`` (alarms on what it serves) and ``endpoint``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: ModelEndpointProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self._settings: Serving = stack.settings.serving
        self.config = self._define_config()
        self.guards = self._define_guards() if self._settings.mode == "realtime" else []
        self.endpoint = self._define_endpoint()
        for guard in self.guards:
            self.endpoint.node.add_dependency(guard)

    def _define_config(self) -> sagemaker.CfnEndpointConfig:
        settings = self._settings
        production = [self._variant(name, v) for name, v in settings.production_variants.items()]
        shadow = [self._variant(names.CHALLENGER, settings.challenger)] if self._shadowed else None
        key_arn = self._volume_key()
        capture = self._capture() if settings.capture else None
        shape = {"production": production, "shadow": shadow, "key": key_arn, "capture": capture}
        versions = [package_version(arn) for arn in self._props.packages.values()]
        prefix = sagemaker_names.prefix(self._stack.names)
        config = _CONFIG(
            self,
            "Config",
            endpoint_config_name=Fn.join(
                "-", [prefix, *versions, shape_digest(self._stack, shape)]
            ),
            production_variants=production,
            shadow_production_variants=shadow,
            kms_key_id=key_arn,
            data_capture_config=capture,
        )
        if key_arn is None:
            self._acknowledge_volume(config)
        return config

    @property
    def _shadowed(self) -> bool:
        return self._settings.shadow and self._settings.challenger is not None

    def _variant(
        self, name: str, variant: Variant | None
    ) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        assert variant is not None
        model_name = self._props.models[name].attr_model_name
        settings = self._settings
        if settings.mode == "serverless":
            return _CONFIG.ProductionVariantProperty(
                variant_name=name,
                model_name=model_name,
                initial_variant_weight=variant.weight,
                serverless_config=_CONFIG.ServerlessConfigProperty(
                    max_concurrency=settings.serverless.max_concurrency,
                    memory_size_in_mb=settings.serverless.memory_megabytes,
                ),
            )
        return _CONFIG.ProductionVariantProperty(
            variant_name=name,
            model_name=model_name,
            initial_instance_count=variant.instances,
            initial_variant_weight=variant.weight,
            instance_type=settings.instance_type,
        )

    def _volume_key(self) -> str | None:
        """None where SageMaker refuses a key: local storage, or no instance at all."""
        settings = self._settings
        refused = settings.mode == "serverless" or has_local_storage(settings.instance_type)
        return None if refused or not settings.volume_customer_key else self._props.key_arn

    def _capture(self) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        return _CONFIG.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self._settings.capture_percent,
            destination_s3_uri=self._props.capture_uri,
            kms_key_id=self._props.key_arn,
            capture_options=[
                _CONFIG.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")
            ],
            capture_content_type_header=_CONFIG.CaptureContentTypeHeaderProperty(
                json_content_types=[JSON]
            ),
        )

    def _define_guards(self) -> list[VariantAlarms]:
        """Alarms on the new fleet alone: an old one that errs must not stop its replacement."""
        settings = self._stack.settings
        return [self._guard(variant, settings) for variant in self._props.models]

    def _guard(self, variant: str, settings: Settings) -> VariantAlarms:
        errors, latency = sagemaker_names.guard_alarm_names(self._stack.names, variant)
        return VariantAlarms(
            self,
            f"{variant.capitalize()}Guard",
            props=VariantAlarmsProps(
                endpoint_name=sagemaker_names.endpoint_name(self._stack.names),
                variant=variant,
                names=(errors, latency),
                latency_milliseconds=settings.monitoring.latency_milliseconds,
                period=Duration.seconds(guardrails.period_seconds(settings)),
                topic=self._props.topic,
                config_name=self.config.attr_endpoint_config_name,
            ),
        )

    def _define_endpoint(self) -> sagemaker.CfnEndpoint:
        settings = self._settings
        guarded = settings.mode == "realtime" and settings.update != "unguarded"
        return _ENDPOINT(
            self,
            "Endpoint",
            endpoint_name=sagemaker_names.endpoint_name(self._stack.names),
            endpoint_config_name=self.config.attr_endpoint_config_name,
            retain_all_variant_properties=settings.retain_variant_properties
            if settings.mode == "realtime"
            else None,
            deployment_config=self._deployment() if guarded else None,
        )

    def _deployment(self) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        rollback = _ENDPOINT.AutoRollbackConfigProperty(
            alarms=[
                _ENDPOINT.AlarmProperty(alarm_name=name)
                for variant in self._props.models
                for name in sagemaker_names.guard_alarm_names(self._stack.names, variant)
            ]
        )
        longest = guardrails.update_seconds(self._stack.settings)
        if self._settings.update == "rolling":
            return _ENDPOINT.DeploymentConfigProperty(
                auto_rollback_configuration=rollback,
                rolling_update_policy=_ENDPOINT.RollingUpdatePolicyProperty(
                    maximum_batch_size=_capacity(guardrails.BATCH_PERCENT),
                    wait_interval_in_seconds=self._settings.bake_seconds,
                    maximum_execution_timeout_in_seconds=longest,
                ),
            )
        return _ENDPOINT.DeploymentConfigProperty(
            auto_rollback_configuration=rollback,
            blue_green_update_policy=_ENDPOINT.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=self._routing(),
                termination_wait_in_seconds=self._settings.bake_seconds,
                maximum_execution_timeout_in_seconds=longest,
            ),
        )

    def _routing(self) -> sagemaker.CfnEndpoint.TrafficRoutingConfigProperty:
        kinds = {
            "blue_green_all_at_once": ("ALL_AT_ONCE", None, None),
            "blue_green_canary": ("CANARY", _capacity(guardrails.CANARY_PERCENT), None),
            "blue_green_linear": ("LINEAR", None, _capacity(guardrails.LINEAR_PERCENT)),
        }
        kind, canary, step = kinds[self._settings.update]
        return _ENDPOINT.TrafficRoutingConfigProperty(
            type=kind,
            canary_size=canary,
            linear_step_size=step,
            # Between steps: one step has none, and bakes until the old fleet is ended.
            wait_interval_in_seconds=0 if kind == "ALL_AT_ONCE" else self._settings.bake_seconds,
        )

    def _acknowledge_volume(self, config: sagemaker.CfnEndpointConfig) -> None:
        acknowledge(
            config,
            "HIPAA.Security-SageMakerEndpointConfigurationKMSKeyConfigured",
            "NIST.800.53.R4-SageMakerEndpointConfigurationKMSKeyConfigured",
            "NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured",
            "PCI.DSS.321-SageMakerEndpointConfigurationKMSKeyConfigured",
            constraint="SageMaker refuses a volume key for instance types with local storage and "
            "for serverless variants, or the settings switch it off.",
            evidence=ENDPOINT_CONFIG_PAGE,
            control="Local storage is encrypted by the instance's own hardware; captured data and "
            "artefacts stay under the models key.",
        )


def _capacity(percent: int) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return _ENDPOINT.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent)
