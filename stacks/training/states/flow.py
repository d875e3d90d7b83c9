"""What the parts of the retraining flow share: inputs, and states that several parts use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.names import Scope
from stacks.kit import asl
from stacks.kit.asl import State
from stacks.kit.calls import payload
from stacks.kit.sagemaker_jobs import Compute, ProcessingCode
from stacks.training.states import rollout

# Where what was decided leads.
RELEASE = "Release"
# Before the lease is held there is no fencing number.
OWNER = {"id.$": "$$.Execution.Id"}
EXECUTION = {"id.$": "$$.Execution.Id", "fencing.$": "$.lease.value.fencing"}


@dataclass(frozen=True, slots=True)
class Functions:
    """ARNs of the functions that the flow calls."""

    lease: str
    gate: str
    registry: str
    rollout: str


@dataclass(frozen=True, slots=True)
class Flow:
    """What the retraining flow needs to know."""

    functions: Functions
    scope: Scope
    curate_job: str
    features_job: str
    features_bucket: str
    artifacts_bucket: str
    training: Compute
    evaluation: Compute
    code: ProcessingCode
    hyperparameters: Mapping[str, str]
    spot: bool
    topic_arn: str
    manual_approval: bool
    approval_seconds: int
    experiment: rollout.Experiment | None
    """None without a challenger variant: the promotion is the only roll-out."""
    timeout_seconds: int
    holding_seconds: int
    """How long the lease is held at most."""

    @property
    def rollout(self) -> rollout.RolloutFlow:
        """What the roll-out's states are built from."""
        return rollout.RolloutFlow(
            function_arn=self.functions.rollout,
            experiment=self.experiment,
            execution=EXECUTION,
            poll_seconds=rollout.poll_seconds(self.holding_seconds),
        )


def acquire(flow: Flow, *, then: str) -> State:
    """Take the lease; the answer is at ``$.lease.value``."""
    return asl.invoke(
        flow.functions.lease,
        payload("lease", "acquire", {"execution": OWNER}),
        result_path="$.lease",
        then=then,
        caught_by=asl.RELEASE_FAILED,
    )


def release(
    flow: Flow, result: str | None, *, then: str, caught_by: str, keep_failure: bool = False
) -> State:
    """Give the lease back; ``result`` is the path of the outcome, or None for a failure."""
    given = {"outcome.$": result} if result else {"outcome": "failed"}
    state = asl.invoke(
        flow.functions.lease,
        payload("lease", "release", {"execution": OWNER, **given}),
        result_path="$.released",
        then=then,
        caught_by=caught_by,
    )
    if keep_failure:
        # The first failure is the one to report; the lease also expires by itself.
        state["Catch"][0]["ResultPath"] = "$.release_failure"
    return state


def champion(flow: Flow, result_path: str, *, then: str) -> State:
    """Read which package is champion."""
    return asl.invoke(
        flow.functions.registry,
        payload("registry", "champion", {}),
        result_path=result_path,
        then=then,
        caught_by=asl.RELEASE_FAILED,
    )


def outcome(result: str, code: str, reasons: str) -> State:
    """Where a path ends: the lease's outcome, a code, and the reasons (a path or intrinsic)."""
    return asl.shape(
        {"result": result, "code": code, "reasons.$": reasons},
        result_path="$.outcome",
        then=RELEASE,
    )
