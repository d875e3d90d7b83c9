"""How SageMaker replaces a fleet of instances: all at once or in steps, watched by guardrails."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_sagemaker as sagemaker

from stacks.serving import guardrails
from stacks.serving.settings import Realtime

_ENDPOINT = sagemaker.CfnEndpoint


def deployment_config(
    endpoint: Realtime, alarms: Iterable[str]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty | None:
    """None where the settings leave updates unguarded."""
    if endpoint.update == "unguarded":
        return None
    rollback = _ENDPOINT.AutoRollbackConfigProperty(
        alarms=[_ENDPOINT.AlarmProperty(alarm_name=name) for name in alarms]
    )
    longest = guardrails.update_seconds(endpoint)
    if endpoint.update == "rolling":
        return _ENDPOINT.DeploymentConfigProperty(
            auto_rollback_configuration=rollback,
            rolling_update_policy=_ENDPOINT.RollingUpdatePolicyProperty(
                maximum_batch_size=_capacity(guardrails.BATCH_PERCENT),
                wait_interval_in_seconds=endpoint.bake_seconds,
                maximum_execution_timeout_in_seconds=longest,
            ),
        )
    return _ENDPOINT.DeploymentConfigProperty(
        auto_rollback_configuration=rollback,
        blue_green_update_policy=_ENDPOINT.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_routing(endpoint),
            termination_wait_in_seconds=endpoint.bake_seconds,
            maximum_execution_timeout_in_seconds=longest,
        ),
    )


def _routing(endpoint: Realtime) -> sagemaker.CfnEndpoint.TrafficRoutingConfigProperty:
    kinds = {
        "blue_green_all_at_once": ("ALL_AT_ONCE", None, None),
        "blue_green_canary": ("CANARY", _capacity(guardrails.CANARY_PERCENT), None),
        "blue_green_linear": ("LINEAR", None, _capacity(guardrails.LINEAR_PERCENT)),
    }
    kind, canary, step = kinds[endpoint.update]
    return _ENDPOINT.TrafficRoutingConfigProperty(
        type=kind,
        canary_size=canary,
        linear_step_size=step,
        # Between steps: one step has none, and bakes until the old fleet is ended.
        wait_interval_in_seconds=0 if kind == "ALL_AT_ONCE" else endpoint.bake_seconds,
    )


def _capacity(percent: int) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return _ENDPOINT.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent)
