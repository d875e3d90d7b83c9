"""Figures of an endpoint update under guardrails: alarms, baking, sizes and the time they take.

Settings rules refuse what SageMaker would, or what could not work; the endpoint is built from the
same figures. Pages: https://docs.aws.amazon.com/sagemaker/latest/APIReference/ with
``API_TrafficRoutingConfig``, ``API_BlueGreenUpdatePolicy`` and ``API_RollingUpdatePolicy``.
"""

from __future__ import annotations

import math

from config.settings import Settings
from stacks.serving.settings import Realtime, Serving

# An alarm reads SageMaker's metrics once a minute. Errors ring after one period, latency after two
# of three; one more goes by until the metric is there and the alarm has read it.
PERIOD_SECONDS = 60
PERIODS = 3
PERIODS_BREACHED = 2
ARRIVAL_PERIODS = 1
# A share of requests that fail, of at least so many failures: a single one proves nothing.
ERROR_PERCENT = 5
ERRORS_AT_LEAST = 3

CANARY_PERCENT = 10
LINEAR_PERCENT = 20
BATCH_PERCENT = 10
# A canary or step is at most half of a variant, and a part of an instance counts as a whole one.
INSTANCES_TO_SHIFT = 2

# Starting a fleet takes minutes, a large model's takes longer.
FLEET_SECONDS = 3600
USUAL_FLEET_MINUTES = 15
UPDATES_IN_A_ROLLOUT = 3
LONGEST_UPDATE_SECONDS = 28_800
# Traffic is settled before a run and after a failed roll-out; an update would be rolled back while
# alarms ring, so each time it waits for them to be quiet.
SETTLES_IN_A_RUN = 2
QUIET_MINUTES = 15


def period_seconds(settings: Settings) -> int:
    """Period of a guardrail alarm; shorter only where the other alarms' are."""
    return min(PERIOD_SECONDS, settings.monitoring.alarm_period_seconds)


def rings_within_seconds(settings: Settings) -> int:
    """How long a fleet errs, or is slow, until its guardrail alarm rings."""
    return (PERIODS + ARRIVAL_PERIODS) * period_seconds(settings)


_STEPS = {
    "blue_green_all_at_once": 0,
    "blue_green_canary": 1,
    "blue_green_linear": math.ceil(100 / LINEAR_PERCENT),
    "rolling": math.ceil(100 / BATCH_PERCENT),
    "unguarded": 0,
}


def shifts_in_steps(endpoint: Realtime) -> bool:
    """Whether an update moves a part of each variant first; rolling takes one variant only."""
    refused = endpoint.update == "rolling" and endpoint.challenger is not None
    return _STEPS[endpoint.update] > 0 and not refused


def update_seconds(endpoint: Realtime) -> int:
    """``MaximumExecutionTimeoutInSeconds``: all baking, and time to start the fleet."""
    steps = _STEPS[endpoint.update] if shifts_in_steps(endpoint) else 0
    return (steps + 1) * endpoint.bake_seconds + FLEET_SECONDS


def rollout_minutes(serving: Serving) -> int:
    """What a run adds: experiment, challenge, promotion, the way back from it, and quiet.

    Without instances there is no experiment, and an update is not watched.
    """
    if not isinstance(serving, Realtime):
        return 0
    baking = update_seconds(serving) - FLEET_SECONDS
    updates = UPDATES_IN_A_ROLLOUT * (-(-baking // 60) + USUAL_FLEET_MINUTES)
    return serving.experiment_minutes + updates + SETTLES_IN_A_RUN * QUIET_MINUTES
