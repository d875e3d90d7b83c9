"""Models, endpoint with two variants, capture, guardrails and autoscaling.

The pointers come in as SSM-typed parameters: a deploy and a roll-out both serve what they name.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from config.load import Deployment
from core import names
from stacks.data_lake.outputs import Lake
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import ModelStack
from stacks.kit.foundation import Foundation
from stacks.kit.log_group import named_log_group
from stacks.kit.workload import Job
from stacks.serving.alarms import VariantAlarms, VariantAlarmsProps
from stacks.serving.endpoint_scaling import VariantScaling
from stacks.serving.endpoint_shape import Served
from stacks.serving.model_endpoint import ModelEndpoint, ModelEndpointProps
from stacks.serving.outputs import Serving
from stacks.serving.served_model import package_parameter, served_model
from stacks.serving.settings import Endpoint, Off, Realtime
from stacks.training.outputs import Training


@dataclass(frozen=True, slots=True)
class ServingProps:
    """What serving stands on."""

    foundation: Foundation
    lake: Lake
    training: Training


class ServingStack(ModelStack):
    """``outputs``: the endpoint's name, variants and alarms."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: ServingProps) -> None:
        super().__init__(
            scope,
            "serving",
            deployment=deployment,
            description="Millrace: models, endpoint, data capture, autoscaling",
            # UpdateStack resolves each SSM-typed parameter with the rights of its principals, and
            # a roll-out's may read the pointers alone. https://github.com/aws/aws-cdk/issues/20959
            bootstrap_rule=False,
        )
        self._props = props
        self.packages = {
            variant: package_parameter(self, variant).value_as_string
            for variant in self.settings.serving.served_variants
        }
        self.models = {variant: self._define_model(variant) for variant in self.packages}
        self.variant_alarms: list[VariantAlarms] = []
        self.endpoint: ModelEndpoint | None = None
        serving = self.settings.serving
        if not isinstance(serving, Off):
            self.variant_alarms = [self._alarms(name) for name in self.packages]
            self.endpoint = self._define_endpoint(serving)
            self._add_scaling(serving, self.endpoint)
            CfnOutput(self, "EndpointName", value=self.endpoint_name)
            # What a roll-out compares with the configuration that the endpoint says it uses.
            config = self.endpoint.config.attr_endpoint_config_name
            CfnOutput(self, names.OUTPUT_ENDPOINT_CONFIG, value=config)
        self.outputs = Serving(
            endpoint_name=self.endpoint_name,
            variants=tuple(self.packages),
            alarms=tuple(alarm for variant in self.variant_alarms for alarm in variant.every),
        )

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint, or empty."""
        serves = self.settings.serving.has_endpoint
        return sagemaker_names.endpoint_name(self.names) if serves else ""

    def _define_model(self, variant: str) -> sagemaker.CfnModel:
        foundation = self._props.foundation
        network = foundation.network
        subnets = network.vpc.select_subnets(subnet_type=network.subnets.subnet_type)
        return served_model(
            self,
            f"{variant.capitalize()}Model",
            stack=self,
            variant=variant,
            package_arn=self.packages[variant],
            role_arn=self._props.training.endpoint_role_arn,
            network={
                "Subnets": list(subnets.subnet_ids),
                "SecurityGroupIds": [network.security_groups[Job.SERVING].security_group_id],
            }
            if self.settings.serving.models_in_vpc
            else None,
        )

    def _alarms(self, variant: str) -> VariantAlarms:
        errors, latency = sagemaker_names.endpoint_alarm_names(self.names, variant)
        monitoring = self.settings.monitoring
        return VariantAlarms(
            self,
            f"{variant.capitalize()}Alarms",
            props=VariantAlarmsProps(
                endpoint_name=self.endpoint_name,
                variant=variant,
                names=(errors, latency),
                latency_milliseconds=monitoring.latency_milliseconds,
                period=Duration.seconds(monitoring.alarm_period_seconds),
                topic=self._props.foundation.security.ops_topic,
            ),
        )

    def _define_endpoint(self, settings: Endpoint) -> ModelEndpoint:
        bucket = self._props.lake.monitoring.bucket_name
        endpoint = ModelEndpoint(
            self,
            "ModelEndpoint",
            stack=self,
            props=ModelEndpointProps(
                settings=settings,
                served=Served(
                    models=self.models,
                    capture_uri=f"s3://{bucket}/{names.MONITORING_CAPTURE.rstrip('/')}",
                    key_arn=self._props.foundation.keys.models.key_arn,
                ),
                packages=self.packages,
                topic=self._props.foundation.security.ops_topic,
            ),
        )
        self.variant_alarms += endpoint.guards
        log = named_log_group(
            self,
            "EndpointLog",
            name=f"/aws/sagemaker/Endpoints/{self.endpoint_name}",
            settings=self.settings,
            key=self._props.foundation.keys.logs,
            removal=RemovalPolicy.DESTROY,
        )
        endpoint.endpoint.node.add_dependency(log)
        return endpoint

    def _add_scaling(self, settings: Endpoint, endpoint: ModelEndpoint) -> None:
        if not isinstance(settings, Realtime) or not settings.autoscaling.enabled:
            return
        for name, variant in settings.production_variants.items():
            target = VariantScaling(
                self,
                f"{name.capitalize()}Scaling",
                endpoint_name=self.endpoint_name,
                variant_name=name,
                variant=variant,
                settings=settings.autoscaling,
            )
            target.node.add_dependency(endpoint.endpoint)
