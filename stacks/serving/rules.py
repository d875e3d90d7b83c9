"""Combinations that SageMaker hosting refuses, mostly twenty minutes into a deploy.

They are about endpoints on instances: the other modes have no two settings that meet, and what a
mode does not have cannot be written (``settings``).
"""

from __future__ import annotations

from collections.abc import Callable

from config.instance_rules import Place, instance_rules
from config.instance_types import exists, is_burstable
from config.rule import AWS, Refused, Rule, asked_of
from config.settings import Settings
from stacks.serving.guardrails import (
    INSTANCES_TO_SHIFT,
    LONGEST_UPDATE_SECONDS,
    PERIODS,
    rings_within_seconds,
    shifts_in_steps,
    update_seconds,
)
from stacks.serving.settings import Realtime

_GUARDRAILS = f"{AWS}sagemaker/latest/dg/deployment-guardrails-exclusions.html"

_SHADOW = f"{AWS}sagemaker/latest/dg/model-shadow-deployment.html"

_UPDATE = f"{AWS}sagemaker/latest/APIReference/API_UpdateEndpoint.html"

_ROUTING = f"{AWS}sagemaker/latest/APIReference/API_TrafficRoutingConfig.html"

_VARIANT = f"{AWS}sagemaker/latest/APIReference/API_ProductionVariant.html"

_TWO_INSTANCES = (
    f"allowed with serving.update {{settings.serving.update}}: at least {INSTANCES_TO_SHIFT}, "
    "a first step is at most half of a variant's instances; or blue_green_all_at_once"
)

_SCALING = f"{AWS}sagemaker/latest/dg/endpoint-scaling-update.html"

_CAPTURE = f"{AWS}sagemaker/latest/APIReference/API_DataCaptureConfig.html"


def _on_instances(settings: Settings) -> Realtime | None:
    return settings.serving if isinstance(settings.serving, Realtime) else None


def _refuses(question: Callable[[Realtime], bool]) -> Refused:
    """Put a question to an endpoint on instances; another mode breaks none of these rules."""
    return asked_of(_on_instances, question)


def _champion_outside(endpoint: Realtime) -> bool:
    """A range that holds nothing is refused by itself (``scaling-range``)."""
    scaling, instances = endpoint.autoscaling, endpoint.champion.instances
    some = scaling.minimum <= scaling.maximum
    return some and scaling.enabled and not scaling.minimum <= instances <= scaling.maximum


def _challenger_above(endpoint: Realtime) -> bool:
    """It may start below the minimum, which is lower for it then; a shadow is not scaled."""
    scaling, challenger = endpoint.autoscaling, endpoint.challenger
    if challenger is None or endpoint.shadow or scaling.minimum > scaling.maximum:
        return False
    return scaling.enabled and challenger.instances > scaling.maximum


def _bakes_too_briefly(settings: Settings) -> bool:
    endpoint = _on_instances(settings)
    return endpoint is not None and 0 < endpoint.bake_seconds < rings_within_seconds(settings)


def _experiments_too_briefly(settings: Settings) -> bool:
    endpoint = _on_instances(settings)
    if endpoint is None or len(endpoint.production_variants) == 1:
        return False
    return 0 < endpoint.experiment_minutes * 60 < rings_within_seconds(settings)


RULES: tuple[Rule, ...] = (
    *instance_rules(Place("serving", "", ("endpoint",), _VARIANT, _on_instances)),
    Rule("scaling-takes-no-burstable", "serving.instance_type", ("serving.autoscaling.enabled",),
         _refuses(lambda e: e.autoscaling.enabled and is_burstable(e.instance_type)),
         "allowed with serving.autoscaling.enabled: a type that is not burstable, such as "
         "ml.m5.large; with ml.t2 set serving.autoscaling.enabled to false",
         f"{AWS}sagemaker/latest/dg/endpoint-auto-scaling-add-console.html"),
    Rule(
        "shadow-needs-one-shadow", "serving.shadow", ("serving.challenger",),
        _refuses(lambda e: e.shadow and e.challenger is None),
        "allowed with a challenger: exactly one production and one shadow variant", _SHADOW,
    ),
    Rule(
        "shadow-takes-no-clients", "serving.experiment_weight", ("serving.shadow",),
        _refuses(lambda e: e.shadow and e.experiment_weight > 0),
        "allowed with serving.shadow: 0, a shadow variant never answers a client", _SHADOW,
    ),
    Rule(
        "shadow-gets-copies", "serving.challenger.weight", ("serving.shadow",),
        _refuses(lambda e: e.shadow and e.challenger is not None and e.challenger.weight <= 0),
        "allowed with serving.shadow: above 0, the shadow gets its weight's share of the requests "
        "as copies, and would judge none", _SHADOW,
    ),
    Rule(
        "rolling-one-variant", "serving.update", ("serving.challenger",),
        _refuses(lambda e: e.update == "rolling" and e.challenger is not None),
        "allowed with one variant only: set serving.challenger to null, or use blue_green_*",
        _GUARDRAILS,
    ),
    Rule(
        "steps-need-two-champions", "serving.champion.instances", ("serving.update",),
        _refuses(lambda e: shifts_in_steps(e) and e.champion.instances < INSTANCES_TO_SHIFT),
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "steps-need-two-challengers", "serving.challenger.instances", ("serving.update",),
        _refuses(lambda e: shifts_in_steps(e) and e.challenger is not None
                 and e.challenger.instances < INSTANCES_TO_SHIFT),
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "steps-need-two-after-scaling", "serving.autoscaling.minimum",
        ("serving.update", "serving.autoscaling.enabled"),
        _refuses(lambda e: shifts_in_steps(e) and e.autoscaling.enabled
                 and e.autoscaling.minimum < INSTANCES_TO_SHIFT),
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "bake-lets-alarms-ring", "serving.bake_seconds", ("monitoring.alarm_period_seconds",),
        _bakes_too_briefly,
        "allowed: 0 for an update that nothing guards, or time for a guardrail alarm to ring, "
        f"{PERIODS} periods and one for the metrics to arrive: 240, or 4 * "
        "monitoring.alarm_period_seconds where that is below 60",
        f"{AWS}sagemaker/latest/dg/deployment-guardrails-configuration.html",
    ),
    Rule(
        "steps-need-baking", "serving.bake_seconds", ("serving.update",),
        _refuses(lambda e: shifts_in_steps(e) and e.bake_seconds == 0),
        "allowed with serving.update {settings.serving.update}: above 0, or no alarm sees a step",
        _GUARDRAILS,
    ),
    Rule(
        "update-fits-its-time", "serving.bake_seconds", ("serving.update",),
        _refuses(lambda e: update_seconds(e) > LONGEST_UPDATE_SECONDS),
        "allowed with serving.update {settings.serving.update}: less, an update ends after "
        f"{LONGEST_UPDATE_SECONDS} seconds, all baking and the start of the fleet included",
        f"{AWS}sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html",
    ),
    Rule(
        "experiment-lets-alarms-ring", "serving.experiment_minutes",
        ("monitoring.alarm_period_seconds", "serving.challenger"),
        _experiments_too_briefly,
        "allowed: 0 for no experiment, or time for a guardrail alarm to ring: 4 minutes",
    ),
    Rule(
        "scaling-needs-retained-variants", "serving.retain_variant_properties",
        ("serving.autoscaling.enabled",),
        _refuses(lambda e: e.autoscaling.enabled and not e.retain_variant_properties),
        "allowed with autoscaling: true, an update would reset the instance counts", _UPDATE,
    ),
    Rule(
        "experiment-needs-retained-variants", "serving.retain_variant_properties",
        ("serving.challenger",),
        _refuses(lambda e: len(e.production_variants) > 1 and not e.retain_variant_properties),
        "allowed with two variants: true, an update would reset the weights of a running "
        "experiment", _UPDATE,
    ),
    Rule(
        "scaled-instance-type", "serving.instance_type",
        ("serving.autoscaling.enabled", "serving.autoscaling.registered_instance_type"),
        _refuses(lambda e: e.autoscaling.enabled and exists(e.instance_type, "endpoint")
                 and e.instance_type != e.autoscaling.registered_instance_type),
        "allowed while autoscaling is registered: "
        "{settings.serving.autoscaling.registered_instance_type}. Before the first deploy: set "
        "autoscaling.registered_instance_type to the type, too. Later: deploy with "
        "autoscaling.enabled false, deploy the new type, then set registered_instance_type and "
        "enable again", _SCALING,
    ),
    Rule(
        "scaled-variants", "serving.autoscaling.registered_variants",
        ("serving.autoscaling.enabled", "serving.challenger", "serving.shadow"),
        _refuses(lambda e: e.autoscaling.enabled
                 and set(e.autoscaling.registered_variants) != set(e.production_variants)),
        "allowed: the endpoint's production variants. Before the first deploy, and to add one: set "
        "them here. To remove one: deploy with autoscaling.enabled false, deploy without the "
        "variant, then enable again", _SCALING,
    ),
    Rule(
        "scaling-range", "serving.autoscaling.minimum", ("serving.autoscaling.maximum",),
        _refuses(lambda e: e.autoscaling.minimum > e.autoscaling.maximum),
        "allowed: at most serving.autoscaling.maximum, {settings.serving.autoscaling.maximum}",
        f"{AWS}autoscaling/application/APIReference/API_RegisterScalableTarget.html",
    ),
    Rule(
        "champion-within-scaling", "serving.champion.instances",
        ("serving.autoscaling.minimum", "serving.autoscaling.maximum",
         "serving.autoscaling.enabled"),
        _refuses(_champion_outside),
        "allowed with autoscaling: {settings.serving.autoscaling.minimum} to "
        "{settings.serving.autoscaling.maximum}",
    ),
    Rule(
        "challenger-within-scaling", "serving.challenger.instances",
        ("serving.autoscaling.minimum", "serving.autoscaling.maximum",
         "serving.autoscaling.enabled", "serving.shadow"),
        _refuses(_challenger_above),
        "allowed with autoscaling: at most serving.autoscaling.maximum, "
        "{settings.serving.autoscaling.maximum}, to which scaling would bring it at once",
    ),
    Rule(
        "some-weight", "serving.champion.weight", ("serving.challenger",),
        _refuses(lambda e: sum(one.weight for one in e.production_variants.values()) <= 0),
        "allowed: above 0, or a challenger with weight; otherwise no variant gets a request",
        _VARIANT,
    ),
    Rule("capture-takes-some", "serving.capture_percent", ("serving.capture",),
         _refuses(lambda e: e.capture and e.capture_percent == 0),
         "allowed with serving.capture: 1 to 100; for no capture set serving.capture to false and "
         "monitoring.schedule to null, or the monitor finds nothing to judge", _CAPTURE),
)  # fmt: skip
