"""Application Auto Scaling: bounds, and metrics that belong to the kind of target."""

from __future__ import annotations

import re

from local.emulator.refusals import Properties, refuses

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
_VARIANT = re.compile(r"endpoint/[^/]+/variant/[^/]+")
_OF_VARIANTS = frozenset(
    {
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
        "SageMakerVariantProvisionedConcurrencyUtilization",
    }
)


@refuses("capacity-in-order", TARGET)
def _capacity(properties: Properties) -> str | None:
    least, most = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
    if least > most:
        return (
            "Maximum capacity cannot be less than minimum capacity: "
            f"MinCapacity {least}, allowed: at most MaxCapacity, {most}"
        )
    return None


@refuses("variant-is-the-resource", TARGET)
def _resource(properties: Properties) -> str | None:
    if properties["ServiceNamespace"] != "sagemaker":
        return None
    resource = str(properties["ResourceId"])
    if str(properties["ScalableDimension"]).startswith("sagemaker:variant:") and (
        not _VARIANT.fullmatch(resource)
    ):
        return f"ResourceId {resource!r}: allowed: endpoint/<name>/variant/<name>"
    return None


@refuses("metric-of-the-namespace", POLICY)
def _metric(properties: Properties) -> str | None:
    namespace = (
        properties.get("ServiceNamespace")
        or str(properties.get("ScalingTargetId", "")).rpartition("|")[2]
    )
    metric = (
        properties.get("TargetTrackingScalingPolicyConfiguration", {})
        .get("PredefinedMetricSpecification", {})
        .get("PredefinedMetricType", "")
    )
    if namespace == "sagemaker" and metric and not metric.startswith("SageMaker"):
        allowed = ", ".join(sorted(_OF_VARIANTS))
        return f"PredefinedMetricType {metric}: allowed for sagemaker: {allowed}"
    return None


@refuses("tracking-names-its-target", POLICY)
def _configuration(properties: Properties) -> str | None:
    kind = properties.get("PolicyType")
    member = "TargetTrackingScalingPolicyConfiguration"
    if kind == "TargetTrackingScaling" and member not in properties:
        return f"PolicyType {kind}: allowed with it: {member}"
    return None
