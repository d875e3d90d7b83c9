"""How an endpoint update moves traffic: the steps of a DeploymentConfig, and its alarms."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.services import cloudwatch

from local.emulator.private_tables import pin

_POLL_SECONDS = 0.5
pin("ministack.services.cloudwatch", _alarms="scoped", _composite_alarms="scoped")


class RolledBackError(Exception):
    """An alarm fired or time ran out while the new fleet was on trial; the text says which."""


# Limits of the API's pages; botocore checks smallest values only.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
_RANGES = {
    "WaitIntervalInSeconds": (0, 3600),
    "TerminationWaitInSeconds": (0, 3600),
    "MaximumExecutionTimeoutInSeconds": (600, 28_800),
}
# Smallest and largest part of a variant that a first or further step may take, in percent.
_SIZES = {"CanarySize": (1, 50), "LinearStepSize": (10, 50), "MaximumBatchSize": (5, 50)}
_NEEDED = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize", "ALL_AT_ONCE": None}


def check(config: Mapping[str, Any] | None, variants: Mapping[str, int]) -> None:
    """ValueError for what SageMaker refuses; ``variants`` are instance counts by name."""
    if not config:
        return
    rolling, blue_green = (
        config.get("RollingUpdatePolicy"), config.get("BlueGreenUpdatePolicy")
    )  # fmt: skip
    if rolling and len(variants) > 1:
        raise ValueError("Rolling updates do not support several production variants.")
    if rolling and blue_green:
        raise ValueError("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy.")
    if rolling:
        _check_range(rolling)
        _check_size("MaximumBatchSize", rolling["MaximumBatchSize"], variants)
    if blue_green:
        routing = blue_green["TrafficRoutingConfiguration"]
        _check_range(blue_green)
        _check_range(routing)
        _check_routing(routing, variants)


def _check_range(policy: Mapping[str, Any]) -> None:
    for field, (least, most) in _RANGES.items():
        if field in policy and not least <= policy[field] <= most:
            raise ValueError(f"{field} is {policy[field]}; allowed: {least} to {most}.")


def _check_routing(routing: Mapping[str, Any], variants: Mapping[str, int]) -> None:
    needed = _NEEDED[routing["Type"]]
    if needed is None:
        return
    if needed not in routing:
        raise ValueError(f"{needed} is missing; needed with Type {routing['Type']}.")
    _check_size(needed, routing[needed], variants)


def _check_size(field: str, size: Mapping[str, Any], variants: Mapping[str, int]) -> None:
    """A step is a whole number of instances, so one of a single instance is all of it."""
    least, most = _SIZES[field]
    for name, instances in variants.items():
        value = size["Value"]
        percent = size["Type"] == "CAPACITY_PERCENT"
        whole = math.ceil(instances * value / 100) if percent else value
        if (percent and not least <= value <= most) or 100 * whole > most * instances:
            unit = "percent" if percent else "instances"
            raise ValueError(
                f"{field} is {value} {unit}, {whole} of the {instances} instances of variant "
                f"{name}; allowed: {least} to {most} percent of the variant's total instance count."
            )


def shift(
    config: Mapping[str, Any] | None, instances: int, set_share: Callable[[float], None]
) -> None:
    """Move traffic to the new fleet step by step; RolledBackError when an alarm is in ALARM.

    ``set_share`` gets the new fleet's share of requests (0 to 1) before each wait.
    """
    policy = (config or {}).get("BlueGreenUpdatePolicy")
    if policy is None:
        set_share(1.0)
        return
    routing = policy["TrafficRoutingConfiguration"]
    alarms = [
        alarm["AlarmName"]
        for alarm in (config or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    ]
    deadline = time.monotonic() + policy.get("MaximumExecutionTimeoutInSeconds", 4 * 3600)
    for share in _shares(routing, instances):
        set_share(share)
        _bake(routing["WaitIntervalInSeconds"], alarms, deadline)
    _bake(policy.get("TerminationWaitInSeconds", 0), alarms, deadline)


def _shares(routing: Mapping[str, Any], instances: int) -> Iterator[float]:
    kind = routing["Type"]
    if kind == "CANARY":
        yield _fraction(routing["CanarySize"], instances)
    elif kind == "LINEAR":
        step = _fraction(routing["LinearStepSize"], instances)
        for number in range(1, math.ceil(1 / step)):
            yield step * number
    yield 1.0


def _fraction(size: Mapping[str, Any], instances: int) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else max(instances, 1)
    return min(float(size["Value"]) / whole, 1.0)


def _bake(seconds: float, alarms: list[str], deadline: float) -> None:
    end = time.monotonic() + seconds
    while True:
        firing = [name for name in alarms if _state(name) == "ALARM"]
        if firing:
            raise RolledBackError(
                f"One or more configured alarm(s) have transitioned into ALARM state: "
                f"{', '.join(firing)}"
            )
        if time.monotonic() > deadline:
            raise RolledBackError("the update took longer than MaximumExecutionTimeoutInSeconds")
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(_POLL_SECONDS, left))


def _state(name: str) -> str:
    alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name) or {}
    return str(alarm.get("StateValue", "INSUFFICIENT_DATA"))
