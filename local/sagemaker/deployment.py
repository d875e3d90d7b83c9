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


def check(config: Mapping[str, Any] | None, variants: int) -> None:
    """ValueError for combinations SageMaker refuses."""
    if config and "RollingUpdatePolicy" in config:
        if variants > 1:
            raise ValueError("Rolling updates do not support several production variants.")
        if "BlueGreenUpdatePolicy" in config:
            raise ValueError("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy.")


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
