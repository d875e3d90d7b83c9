"""The kinds of workload that have a security group of their own.

A group stands for one set of services and one sensitivity: two workloads share one only if they
call the same services and neither could harm the other. ``docs/review/reachability.yaml`` says what
each may open a connection to, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Workload(StrEnum):
    """Workloads by group. A function's value is its folder below ``lambdas/``, a Spark job's its
    script below ``glue_jobs/``.
    """

    TRANSFORM = "transform"
    ROUTER = "router"
    LEASE = "lease"
    GATE = "gate"
    REGISTRY = "registry"
    ROLLOUT = "rollout"
    POINTERS = "pointers"
    CURATE = "curate"
    FEATURES = "features"
    TRAINING = "training"
    MONITOR = "monitor"
    SERVING = "serving"


@dataclass(frozen=True, slots=True)
class Group:
    """What a security group is for."""

    holds: str
    """Noun phrase for the group's description, which is shown in the console."""
    among_itself: bool = False
    """Its members connect to each other on any TCP port."""


# Glue refuses a connection whose group has no rule among its own members on all TCP ports. Curate
# has one apart from features, for its workers hold classified values in clear. SageMaker asks for
# such a rule for clusters only, and every job here has one instance.
# https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html
GROUPS = {
    Workload.TRANSFORM: Group("transform functions of the delivery streams"),
    Workload.ROUTER: Group("router function of the API"),
    Workload.LEASE: Group("lease function"),
    Workload.GATE: Group("gate function"),
    Workload.REGISTRY: Group("registry function"),
    Workload.ROLLOUT: Group("rollout function"),
    Workload.POINTERS: Group("pointers custom resource"),
    Workload.CURATE: Group("Spark workers of the curate job", among_itself=True),
    Workload.FEATURES: Group("Spark workers of the features job", among_itself=True),
    Workload.TRAINING: Group("SageMaker training and evaluation jobs"),
    Workload.MONITOR: Group("SageMaker monitor job"),
    Workload.SERVING: Group("model containers of the SageMaker endpoint"),
}
