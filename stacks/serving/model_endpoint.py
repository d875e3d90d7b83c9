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

from stacks.kit import sagemaker_names
from stacks.kit.base_stack import ModelStack
from stacks.kit.nag import acknowledge
from stacks.serving import guardrails
from stacks.serving.alarms import VariantAlarms, VariantAlarmsProps
from stacks.serving.endpoint_shape import Served, shape_of
from stacks.serving.endpoint_updates import deployment_config
from stacks.serving.served_model import package_version, shape_digest
from stacks.serving.settings import Endpoint, Realtime

ENDPOINT_CONFIG_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html"
)


@dataclass(frozen=True, slots=True)
class ModelEndpointProps:
    """What the endpoint is, what it serves and who hears of it."""

    settings: Endpoint
    served: Served
    packages: Mapping[str, str]
    """By variant."""
    topic: sns.ITopic


class ModelEndpoint(Construct):
    """``config``, ``guards`` (alarms on what it serves) and ``endpoint``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: ModelStack, props: ModelEndpointProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self.config = self._define_config()
        # On the new fleet alone: an old one that errs must not stop its replacement.
        self.guards = [self._guard(variant) for variant in self._guarded]
        self.endpoint = self._define_endpoint()
        for guard in self.guards:
            self.endpoint.node.add_dependency(guard)

    @property
    def _guarded(self) -> list[str]:
        """Variants whose updates SageMaker can guard: those on instances."""
        realtime = isinstance(self._props.settings, Realtime)
        return list(self._props.served.models) if realtime else []

    def _define_config(self) -> sagemaker.CfnEndpointConfig:
        shape = shape_of(self._props.settings, self._props.served)
        digest = shape_digest(
            self._stack,
            {
                "production": shape.production,
                "shadow": shape.shadow,
                "key": shape.key,
                "capture": shape.capture,
            },
        )
        versions = [package_version(arn) for arn in self._props.packages.values()]
        prefix = self._stack.names.model_prefix
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            endpoint_config_name=Fn.join("-", [prefix, *versions, digest]),
            production_variants=shape.production,
            shadow_production_variants=shape.shadow,
            kms_key_id=shape.key,
            data_capture_config=shape.capture,
        )
        if shape.key is None:
            self._acknowledge_volume(config)
        return config

    def _guard(self, variant: str) -> VariantAlarms:
        errors, latency = sagemaker_names.guard_alarm_names(self._stack.names, variant)
        settings = self._stack.settings
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
        settings = self._props.settings
        realtime = settings if isinstance(settings, Realtime) else None
        alarms = [
            name
            for variant in self._guarded
            for name in sagemaker_names.guard_alarm_names(self._stack.names, variant)
        ]
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=sagemaker_names.endpoint_name(self._stack.names),
            endpoint_config_name=self.config.attr_endpoint_config_name,
            retain_all_variant_properties=realtime.retain_variant_properties if realtime else None,
            deployment_config=deployment_config(realtime, alarms) if realtime else None,
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
