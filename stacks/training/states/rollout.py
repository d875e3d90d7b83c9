"""The roll-out part of the retraining flow: challenger, experiment, promotion or rejection.

The rollout function starts a stack update and answers at once; the flow polls its status, because
an endpoint update under guardrails takes longer than a function may run. Whatever fails from the
first state on leads to ``Settle``, and so does a challenger that is rejected: it repeats the
function's ``settle`` until traffic is where it was. docs/rollout.md draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from stacks.kit import asl
from stacks.kit.asl import State, States
from stacks.kit.calls import payload
from stacks.kit.steps import Step, step

# First state of the roll-out, whichever shape it has.
START = "RollOut"
PACKAGE = "$.package.value.package_arn"
# How often each turn of a polling loop can be taken within the lease, at most: a turn leaves nine
# events in the history, which takes 25,000 and ends the execution then.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LONGEST_POLLING = 1200
SHORTEST_POLL_SECONDS = 5
REJECTED = "GuardrailRang"
# Told with a promotion. The hold-out decided on quality, and the monitor judges it later.
NOT_JUDGED = "quality on live traffic was not judged: labels come later than an experiment ends"


def poll_seconds(holding_seconds: int) -> int:
    """Seconds between two looks, so that a lease full of them fits the execution's history."""
    return max(SHORTEST_POLL_SECONDS, -(-holding_seconds // LONGEST_POLLING))


@dataclass(frozen=True, slots=True)
class Experiment:
    """How long the challenger is tried on live traffic, and what may stop it."""

    weight: float
    minutes: int
    weight_after: float
    """Share of the challenger variant once its model is the champion too."""
    alarm_names: Sequence[str]


@dataclass(frozen=True, slots=True)
class RolloutFlow:
    """What the roll-out's states are built from."""

    function_arn: str
    experiment: Experiment | None
    execution: Mapping[str, Any]
    poll_seconds: int


def step_of(flow: RolloutFlow) -> Step:
    """From ``RollOut`` to the outcome; what fails leaves through ``ReleaseFailed``."""
    tried = "weights guardrail" if flow.experiment else ""
    return step(
        START,
        partial(_states, flow),
        needs="package lease",
        gives=f"update status outcome {tried}",
    )


def _states(flow: RolloutFlow, then: str) -> States:
    steps = _Steps(flow)
    experiment = flow.experiment
    if experiment is None:
        return {
            START: {"Type": "Pass", "Next": "Promote"},
            **steps.update("Promote", "start_promotion", done="PromotedOutcome"),
            "PromotedOutcome": _promoted(then),
            **_settling(steps),
        }
    return {
        START: {"Type": "Pass", "Next": "Challenge"},
        **steps.update("Challenge", "start_challenger", done="ExperimentWeight"),
        **_experiment(steps, experiment),
        **steps.update("Promote", "start_promotion", done="WeightAfter"),
        **steps.weights("WeightAfter", experiment.weight_after, then="PromotedOutcome"),
        "PromotedOutcome": _promoted(then),
        **_settling(steps),
        "RejectedOutcome": asl.shape(
            {"result": "rejected", "code": "guardrail", "reasons.$": "$.guardrail.value.alarms"},
            result_path="$.outcome",
            then=then,
        ),
    }


def _promoted(then: str) -> State:
    return asl.shape(
        {
            "result": "promoted",
            "code": "promoted",
            "reasons.$": f"States.Array({PACKAGE})",
            "notes": [NOT_JUDGED],
        },
        result_path="$.outcome",
        then=then,
    )


def _experiment(steps: _Steps, experiment: Experiment) -> States:
    held = "Experiment" if experiment.minutes else "Guardrail"
    waiting = (
        {"Experiment": asl.wait(experiment.minutes * 60, then="Guardrail")}
        if experiment.minutes
        else {}
    )
    window = {"alarms": list(experiment.alarm_names), "since.$": "$.weights.value.since"}
    return {
        **steps.weights("ExperimentWeight", experiment.weight, then=held),
        **waiting,
        "Guardrail": steps.call(
            "guardrail", window, result_path="$.guardrail", then="GuardrailHeld"
        ),
        "GuardrailHeld": asl.choice(
            [asl.when("$.guardrail.value.alarms[0]", IsPresent=True, then=REJECTED)],
            default="Promote",
        ),
        # Written as a failure, so that it is told as one if traffic cannot be settled.
        REJECTED: asl.shape(
            {
                "Error": REJECTED,
                "Cause.$": "States.JsonToString($.guardrail.value.alarms)",
            },
            result_path=asl.FAILURE_PATH,
            then=asl.SETTLE,
        ),
    }


def tidy(flow: RolloutFlow, then: str) -> States:
    """What the last roll-out may have left: a failed one's lease is free before it is settled, and
    ``reconcile`` leaves an execution's lease alone."""
    return _Steps(flow).settle(
        "Tidy", {"forward": True}, done=then, failed=asl.RELEASE_FAILED, why=asl.FAILURE_PATH
    )


def _settling(steps: _Steps) -> States:
    """``$.failure`` says why; afterwards a rejection is an outcome and the rest has failed."""
    rejected = [asl.when("$.failure.Error", StringEquals=REJECTED, then="RejectedOutcome")]
    done = {"AfterSettling": asl.choice(rejected, default=asl.RELEASE_FAILED)}
    experiment = steps.flow.experiment is not None
    return {
        **steps.settle(
            asl.SETTLE,
            {"forward": False},
            done="AfterSettling" if experiment else asl.RELEASE_FAILED,
            failed="Unsettled",
            why="$.unsettled",
        ),
        **(done if experiment else {}),
        "Unsettled": asl.shape(
            {
                "Error": "Unsettled",
                "Cause.$": "States.Format('{}: {} -- traffic is not settled: {}', "
                "$.failure.Error, $.failure.Cause, $.unsettled.Cause)",
            },
            result_path=asl.FAILURE_PATH,
            then=asl.RELEASE_FAILED,
        ),
    }


@dataclass(frozen=True, slots=True)
class _Steps:
    """Builds the states that call the rollout function."""

    flow: RolloutFlow

    def call(
        self,
        operation: str,
        given: Mapping[str, Any],
        *,
        result_path: str,
        then: str,
        caught_by: str = asl.SETTLE,
    ) -> State:
        """One call, as the execution that holds the lease."""
        return asl.invoke(
            self.flow.function_arn,
            payload("rollout", operation, {"execution": self.flow.execution, **given}),
            result_path=result_path,
            then=then,
            caught_by=caught_by,
            retries=[asl.STACK_BUSY],
        )

    def update(self, name: str, operation: str, *, done: str) -> States:
        """Start an update and poll until it ended; ``done`` follows if it is complete."""
        package = {"package_arn.$": PACKAGE}
        return {
            name: self.call(operation, package, result_path="$.update", then=f"{name}Status"),
            f"{name}Status": self.call(
                "status", {}, result_path="$.status", then=f"{name}Complete"
            ),
            **self._loop(name, f"{name}Status", "$.status", "complete", done),
            f"{name}Failed": asl.shape(
                {"Error": f"{name}Failed", "Cause.$": "$.status.value.reason"},
                result_path=asl.FAILURE_PATH,
                then=asl.SETTLE,
            ),
        }

    def settle(
        self, name: str, given: Mapping[str, Any], *, done: str, failed: str, why: str
    ) -> States:
        """Repeat ``settle`` until traffic is settled; why it is not goes to ``why``."""
        call = self.call(
            "settle", given, result_path="$.settled", then=f"{name}Complete", caught_by=failed
        )
        call["Catch"][0]["ResultPath"] = why
        return {
            name: call,
            **self._loop(name, name, "$.settled", "settled", done),
            f"{name}Failed": asl.shape(
                {"Error": f"{name}Failed", "Cause.$": "$.settled.value.reason"},
                result_path=why,
                then=failed,
            ),
        }

    def _loop(self, name: str, again: str, path: str, good: str, done: str) -> States:
        state = f"{path}.value.state"
        return {
            f"{name}Complete": asl.choice(
                [
                    asl.when(state, StringEquals=good, then=done),
                    asl.when(state, StringEquals="in_progress", then=f"{name}Wait"),
                ],
                default=f"{name}Failed",
            ),
            f"{name}Wait": asl.wait(self.flow.poll_seconds, then=again),
        }

    def weights(self, name: str, weight: float, *, then: str) -> States:
        """Give the challenger variant a share of the traffic."""
        return {
            name: self.call("set_weights", {"weight": weight}, result_path="$.weights", then=then)
        }
