"""Combinations that SageMaker hosting refuses, mostly twenty minutes into a deploy."""

from __future__ import annotations

from config.instance_rules import Place, instance_rules
from config.instance_types import is_burstable
from config.rule import AWS, Rule
from config.settings import Settings
from stacks.serving.guardrails import (
    INSTANCES_TO_SHIFT,
    LONGEST_UPDATE_SECONDS,
    PERIODS,
    rings_within_seconds,
    shifts_in_steps,
    update_seconds,
)

_GUARDRAILS = f"{AWS}sagemaker/latest/dg/deployment-guardrails-exclusions.html"

_SERVERLESS = f"{AWS}sagemaker/latest/dg/serverless-endpoints.html"

_SHADOW = f"{AWS}sagemaker/latest/dg/model-shadow-deployment.html"

_ENDPOINT_CONFIG = f"{AWS}sagemaker/latest/APIReference/API_CreateEndpointConfig.html"

_UPDATE = f"{AWS}sagemaker/latest/APIReference/API_UpdateEndpoint.html"

_ROUTING = f"{AWS}sagemaker/latest/APIReference/API_TrafficRoutingConfig.html"

_TWO_INSTANCES = (
    f"allowed with serving.update {{settings.serving.update}}: at least {INSTANCES_TO_SHIFT}, "
    "a first step is at most half of a variant's instances; or blue_green_all_at_once"
)

_SCALING = f"{AWS}sagemaker/latest/dg/endpoint-scaling-update.html"


def _realtime(settings: Settings) -> bool:
    return settings.serving.mode == "realtime"


def _serverless(settings: Settings) -> bool:
    return settings.serving.mode == "serverless"


def _scaled(settings: Settings) -> bool:
    return _realtime(settings) and settings.serving.autoscaling.enabled


def _stepped(settings: Settings) -> bool:
    return _realtime(settings) and shifts_in_steps(settings)


def _champion_outside(settings: Settings) -> bool:
    """A range that holds nothing is refused by itself (``scaling-range``)."""
    scaling, instances = settings.serving.autoscaling, settings.serving.champion.instances
    some = scaling.minimum <= scaling.maximum
    return some and _scaled(settings) and not scaling.minimum <= instances <= scaling.maximum


def _challenger_above(settings: Settings) -> bool:
    """It may start below the minimum, which is lower for it then; a shadow is not scaled."""
    scaling, challenger = settings.serving.autoscaling, settings.serving.challenger
    if challenger is None or settings.serving.shadow or scaling.minimum > scaling.maximum:
        return False
    return _scaled(settings) and challenger.instances > scaling.maximum


def _weights(settings: Settings) -> float:
    return sum(variant.weight for variant in settings.serving.production_variants.values())


_CAPTURE = f"{AWS}sagemaker/latest/APIReference/API_DataCaptureConfig.html"

_PLACE = Place(
    "serving",
    "",
    ("endpoint",),
    f"{AWS}sagemaker/latest/APIReference/API_ProductionVariant.html",
    ("serving.mode",),
    _realtime,
)


RULES: tuple[Rule, ...] = (
    *instance_rules(_PLACE),
    Rule("scaling-takes-no-burstable", "serving.instance_type",
         ("serving.autoscaling.enabled", "serving.mode"),
         lambda s: _realtime(s) and s.serving.autoscaling.enabled
         and is_burstable(s.serving.instance_type),
         "allowed with serving.autoscaling.enabled: a type that is not burstable, such as "
         "ml.m5.large; with ml.t2 set serving.autoscaling.enabled to false",
         f"{AWS}sagemaker/latest/dg/endpoint-auto-scaling-add-console.html"),
    Rule(
        "shadow-needs-one-shadow", "serving.shadow", ("serving.challenger",),
        lambda s: s.serving.shadow and s.serving.challenger is None,
        "allowed with a challenger: exactly one production and one shadow variant", _SHADOW,
    ),
    Rule(
        "shadow-is-realtime", "serving.shadow", ("serving.mode",),
        lambda s: s.serving.shadow and _serverless(s),
        "allowed with serving.mode realtime; serverless has one variant", _SERVERLESS,
    ),
    Rule(
        "shadow-takes-no-clients", "serving.experiment_weight", ("serving.shadow",),
        lambda s: s.serving.shadow and s.serving.experiment_weight > 0,
        "allowed with serving.shadow: 0, a shadow variant never answers a client", _SHADOW,
    ),
    Rule(
        "shadow-gets-copies", "serving.challenger.weight", ("serving.shadow", "serving.mode"),
        lambda s: _realtime(s) and s.serving.shadow and s.serving.challenger is not None
        and s.serving.challenger.weight <= 0,
        "allowed with serving.shadow: above 0, the shadow gets its weight's share of the requests "
        "as copies, and would judge none", _SHADOW,
    ),
    Rule(
        "rolling-one-variant", "serving.update", ("serving.challenger", "serving.mode"),
        lambda s: _realtime(s) and s.serving.update == "rolling"
        and s.serving.challenger is not None,
        "allowed with one variant only: set serving.challenger to null, or use blue_green_*",
        _GUARDRAILS,
    ),
    Rule(
        "rolling-not-serverless", "serving.update", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.update == "rolling",
        "allowed with serving.mode serverless: blue_green_*", _GUARDRAILS,
    ),
    Rule(
        "steps-need-two-champions", "serving.champion.instances",
        ("serving.update", "serving.mode"),
        lambda s: _stepped(s) and s.serving.champion.instances < INSTANCES_TO_SHIFT,
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "steps-need-two-challengers", "serving.challenger.instances",
        ("serving.update", "serving.mode"),
        lambda s: _stepped(s) and s.serving.challenger is not None
        and s.serving.challenger.instances < INSTANCES_TO_SHIFT,
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "steps-need-two-after-scaling", "serving.autoscaling.minimum",
        ("serving.update", "serving.mode", "serving.autoscaling.enabled"),
        lambda s: _stepped(s) and _scaled(s)
        and s.serving.autoscaling.minimum < INSTANCES_TO_SHIFT,
        _TWO_INSTANCES, _ROUTING,
    ),
    Rule(
        "bake-lets-alarms-ring", "serving.bake_seconds",
        ("monitoring.alarm_period_seconds", "serving.mode"),
        lambda s: _realtime(s) and 0 < s.serving.bake_seconds < rings_within_seconds(s),
        "allowed: 0 for an update that nothing guards, or time for a guardrail alarm to ring, "
        f"{PERIODS} periods and one for the metrics to arrive: 240, or 4 * "
        "monitoring.alarm_period_seconds where that is below 60",
        f"{AWS}sagemaker/latest/dg/deployment-guardrails-configuration.html",
    ),
    Rule(
        "steps-need-baking", "serving.bake_seconds", ("serving.update", "serving.mode"),
        lambda s: _stepped(s) and s.serving.bake_seconds == 0,
        "allowed with serving.update {settings.serving.update}: above 0, or no alarm sees a step",
        _GUARDRAILS,
    ),
    Rule(
        "update-fits-its-time", "serving.bake_seconds", ("serving.update", "serving.mode"),
        lambda s: _realtime(s) and update_seconds(s) > LONGEST_UPDATE_SECONDS,
        "allowed with serving.update {settings.serving.update}: less, an update ends after "
        f"{LONGEST_UPDATE_SECONDS} seconds, all baking and the start of the fleet included",
        f"{AWS}sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html",
    ),
    Rule(
        "experiment-lets-alarms-ring", "serving.experiment_minutes",
        ("monitoring.alarm_period_seconds", "serving.challenger", "serving.mode"),
        lambda s: _realtime(s) and len(s.serving.production_variants) > 1
        and 0 < s.serving.experiment_minutes * 60 < rings_within_seconds(s),
        "allowed: 0 for no experiment, or time for a guardrail alarm to ring: 4 minutes",
    ),
    Rule(
        "serverless-one-variant", "serving.challenger", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.challenger is not None,
        "allowed with serving.mode serverless: null, one variant only", _SERVERLESS,
    ),
    Rule(
        "serverless-no-capture", "serving.capture", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.capture,
        "allowed with serving.mode serverless: false", _SERVERLESS,
    ),
    Rule(
        "serverless-no-vpc", "serving.vpc", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.vpc,
        "allowed with serving.mode serverless: false, no VPC configuration", _SERVERLESS,
    ),
    Rule(
        "serverless-no-instance-scaling", "serving.autoscaling.enabled", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.autoscaling.enabled,
        "allowed with serving.mode serverless: false, there are no instances to count",
        _SERVERLESS,
    ),
    Rule(
        "serverless-no-volume-key", "serving.volume_customer_key", ("serving.mode",),
        lambda s: _serverless(s) and s.serving.volume_customer_key,
        "allowed with serving.mode serverless: false, there is no instance volume",
        _ENDPOINT_CONFIG,
    ),
    Rule(
        "scaling-needs-retained-variants", "serving.retain_variant_properties",
        ("serving.autoscaling.enabled", "serving.mode"),
        lambda s: _scaled(s) and not s.serving.retain_variant_properties,
        "allowed with autoscaling: true, an update would reset the instance counts", _UPDATE,
    ),
    Rule(
        "experiment-needs-retained-variants", "serving.retain_variant_properties",
        ("serving.challenger", "serving.mode"),
        lambda s: _realtime(s) and len(s.serving.production_variants) > 1
        and not s.serving.retain_variant_properties,
        "allowed with two variants: true, an update would reset the weights of a running "
        "experiment", _UPDATE,
    ),
    Rule(
        "scaled-instance-type", "serving.instance_type",
        ("serving.autoscaling.enabled", "serving.autoscaling.registered_instance_type",
         "serving.mode"),
        lambda s: _scaled(s)
        and s.serving.instance_type != s.serving.autoscaling.registered_instance_type,
        "allowed while autoscaling is registered: "
        "{settings.serving.autoscaling.registered_instance_type}. To change it: deploy with "
        "autoscaling.enabled false, deploy the new type, then set registered_instance_type and "
        "enable again", _SCALING,
    ),
    Rule(
        "scaled-variants", "serving.autoscaling.registered_variants",
        ("serving.autoscaling.enabled", "serving.challenger", "serving.shadow", "serving.mode"),
        lambda s: _scaled(s)
        and set(s.serving.autoscaling.registered_variants) != set(s.serving.production_variants),
        "allowed: the endpoint's production variants. To remove one: deploy with "
        "autoscaling.enabled false, deploy without the variant, then enable again", _SCALING,
    ),
    Rule(
        "scaling-range", "serving.autoscaling.minimum", ("serving.autoscaling.maximum",),
        lambda s: s.serving.autoscaling.minimum > s.serving.autoscaling.maximum,
        "allowed: at most serving.autoscaling.maximum, {settings.serving.autoscaling.maximum}",
        f"{AWS}autoscaling/application/APIReference/API_RegisterScalableTarget.html",
    ),
    Rule(
        "champion-within-scaling", "serving.champion.instances",
        ("serving.autoscaling.minimum", "serving.autoscaling.maximum",
         "serving.autoscaling.enabled", "serving.mode"),
        _champion_outside,
        "allowed with autoscaling: {settings.serving.autoscaling.minimum} to "
        "{settings.serving.autoscaling.maximum}",
    ),
    Rule(
        "challenger-within-scaling", "serving.challenger.instances",
        ("serving.autoscaling.minimum", "serving.autoscaling.maximum",
         "serving.autoscaling.enabled", "serving.shadow", "serving.mode"),
        _challenger_above,
        "allowed with autoscaling: at most serving.autoscaling.maximum, "
        "{settings.serving.autoscaling.maximum}, to which scaling would bring it at once",
    ),
    Rule(
        "some-weight", "serving.champion.weight", ("serving.challenger",),
        lambda s: _weights(s) <= 0,
        "allowed: above 0, or a challenger with weight; otherwise no variant gets a request",
        f"{AWS}sagemaker/latest/APIReference/API_ProductionVariant.html",
    ),
    Rule("capture-takes-some", "serving.capture_percent", ("serving.capture", "serving.mode"),
         lambda s: s.serving.mode != "off" and s.serving.capture
         and s.serving.capture_percent == 0,
         "allowed with serving.capture: 1 to 100; for no capture set serving.capture to false and "
         "monitoring.schedule to null, or the monitor finds nothing to judge", _CAPTURE),
)  # fmt: skip
