"""SageMaker instances that the templates start, against the quotas of their type and use.

A new account has 0 of nearly every type, counted by use: an endpoint's instances, training jobs',
spot training jobs', processing jobs' and transform jobs' are five quotas. Counted is what this
deployment takes by itself; what else runs in the account comes on top.
https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from operations.preflight.inquiry import Inquiry
from operations.preflight.quotas import Need

SERVICE = "sagemaker"
ENDPOINT = "endpoint usage"
TRAINING = "training job usage"
SPOT = "spot training job usage"
PROCESSING = "processing job usage"
TRANSFORM = "transform job usage"
# Where each kind of job says on what it runs.
_JOBS = {
    "createTrainingJob": (TRAINING, ("ResourceConfig",)),
    "createProcessingJob": (PROCESSING, ("ProcessingResources", "ClusterConfig")),
    "createTransformJob": (TRANSFORM, ("TransformResources",)),
}
_TOTALS = {
    ENDPOINT: "Number of instances across active endpoints",
    TRAINING: "Number of instances across all training jobs",
    SPOT: "Number of instances across all spot training jobs",
    PROCESSING: "Number of instances across all processing jobs",
    TRANSFORM: "Number of instances across all transform jobs",
}
Used = Counter[tuple[str, str]]
"""Instances by use and type."""


def needs(inquiry: Inquiry) -> Iterator[Need]:
    """One need for each type and use, and one for each use over all types."""
    jobs = Counter[tuple[str, str]]()
    for definition in inquiry.definitions():
        jobs += _at_once(definition["States"])
    hosted, most = _hosted(inquiry)
    for (use, kind), count in sorted((jobs + hosted).items()):
        why = "with the new fleet of a roll-out" if use == ENDPOINT else "jobs at once"
        yield Need(SERVICE, f"{kind} for {use}", count, why, most[use, kind])
    for use, name in _TOTALS.items():
        total = sum(count for (of, _), count in (jobs + hosted).items() if of == use)
        if total:
            yield Need(SERVICE, name, total, "all types together", most.total() if use == ENDPOINT
                       else 0)  # fmt: skip


def _at_once(states: Mapping[str, Any]) -> Used:
    """The most instances of each kind that one execution has at any time."""
    most = Counter[tuple[str, str]]()
    for state in states.values():
        if state["Type"] == "Parallel":
            now = Counter[tuple[str, str]]()
            for branch in state["Branches"]:
                now += _at_once(branch["States"])
        else:
            now = _job(state)
        most |= now
    return most


def _job(state: Mapping[str, Any]) -> Used:
    action = state.get("Resource", "").rpartition(":")[2].partition(".")[0]
    if action not in _JOBS:
        return Counter()
    use, path = _JOBS[action]
    request = state.get("Parameters") or state["Arguments"]
    cluster = request
    for step in path:
        cluster = cluster[step]
    if use == TRAINING and request.get("EnableManagedSpotTraining"):
        use = SPOT
    return Counter({(use, cluster["InstanceType"]): cluster["InstanceCount"]})


def _hosted(inquiry: Inquiry) -> tuple[Used, Used]:
    """Endpoint instances during a roll-out: at the initial counts, and at the scaled-out ones."""
    count, most = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    limits = _scaling_limits(inquiry)
    extra = _extra(inquiry)
    for config in inquiry.resources("AWS::SageMaker::EndpointConfig"):
        for group in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in config.get(group, []):
                if "InstanceType" not in variant:
                    continue
                key = (ENDPOINT, variant["InstanceType"])
                initial = int(variant["InitialInstanceCount"])
                largest = max(limits.get(variant["VariantName"], 0), initial)
                count[key] += initial + extra(initial)
                most[key] += largest + extra(largest)
    return count, most


def _scaling_limits(inquiry: Inquiry) -> dict[str, int]:
    return {
        str(target["ResourceId"]).rpartition("/")[2]: int(target["MaxCapacity"])
        for target in inquiry.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        if isinstance(target["ResourceId"], str)
    }


def _extra(inquiry: Inquiry) -> Any:
    """How many instances a roll-out adds to a fleet of so many.

    Blue/green makes a whole second fleet, canary and linear included; rolling, one batch.
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    """
    for endpoint in inquiry.resources("AWS::SageMaker::Endpoint"):
        rolling = endpoint.get("DeploymentConfig", {}).get("RollingUpdatePolicy")
        if rolling:
            batch = rolling["MaximumBatchSize"]
            if batch["Type"] == "INSTANCE_COUNT":
                return lambda _fleet: int(batch["Value"])
            return lambda fleet: math.ceil(fleet * int(batch["Value"]) / 100)
    return lambda fleet: fleet
