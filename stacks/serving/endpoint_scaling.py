"""Target tracking for each production variant, on invocations per instance and minute."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from constructs import Construct

from stacks.serving.settings import Autoscaling, Variant

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NAMESPACE = "sagemaker"
METRIC = "SageMakerVariantInvocationsPerInstance"
IN_SECONDS, OUT_SECONDS = 300, 60


class VariantScaling(Construct):
    """``target`` and ``policy`` of one variant."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant_name: str,
        variant: Variant,
        settings: Autoscaling,
    ) -> None:
        super().__init__(scope, construct_id)
        self.target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace=NAMESPACE,
            scalable_dimension=DIMENSION,
            resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
            # A challenger may start smaller than what the champion never falls below.
            min_capacity=min(settings.minimum, variant.instances),
            max_capacity=settings.maximum,
        )
        self.policy = scaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{endpoint_name}-{variant_name}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.target.ref,
            target_tracking_scaling_policy_configuration=(
                scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=settings.invocations_per_instance,
                    predefined_metric_specification=(
                        scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                            predefined_metric_type=METRIC
                        )
                    ),
                    scale_in_cooldown=IN_SECONDS,
                    scale_out_cooldown=OUT_SECONDS,
                )
            ),
        )
