"""The roll-out part of the retraining flow: challenger, experiment, promotion or rollback.

The rollout function starts a stack update and answers at once; the flow polls its status, because
an endpoint update under guardrails takes longer than a function may run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.state_machines import asl
from stacks.state_machines.asl import State, States

# First state of the roll-out, whichever shape it has.
START = "RollOut"
POLL_SECONDS = 5
PACKAGE = "$.package.value.package_arn"


@dataclass(frozen=True, slots=True)
class Experiment:
    """How long the challenger is tried on live traffic, and what may stop it."""

    weight: float
    minutes: int
    weight_after: float
    """Weight of the challenger variant once its model is the champion too."""
    alarm_names: Sequence[str]


def states(
    function_arn: str, experiment: Experiment | None, execution: Mapping[str, Any]
) -> States:
    """States from ``RollOut`` to the outcome; they leave through ``Release``."""
    steps = _Steps(function_arn, execution)
    promotion = steps.update("Promote", "start_promotion", done="PromotedOutcome")
    if experiment is None:
        return {
            START: {"Type": "Pass", "Next": "Promote"},
            **promotion,
            "PromotedOutcome": _promoted(),
        }
    after = steps.weights("WeightAfter", experiment.weight_after, then="PromotedOutcome")
    promotion = steps.update("Promote", "start_promotion", done="WeightAfter")
    return {
        START: {"Type": "Pass", "Next": "Challenge"},
        **steps.update("Challenge", "start_challenger", done="ExperimentWeight"),
        **_experiment(steps, experiment),
        **promotion,
        **after,
        "PromotedOutcome": _promoted(),
        **steps.update("RollBack", "start_rollback", done="RolledBackOutcome"),
        "RolledBackOutcome": asl.shape(
            {"result": "rejected", "code": "guardrail", "reasons.$": "$.guardrail.alarms"},
            result_path="$.outcome",
            then="Release",
        ),
    }


def _promoted() -> State:
    return asl.shape(
        {
            "result": "promoted",
            "code": "promoted",
            "reasons.$": f"States.Array({PACKAGE})",
        },
        result_path="$.outcome",
        then="Release",
    )


def _experiment(steps: _Steps, experiment: Experiment) -> States:
    describe = asl.task(
        asl.DESCRIBE_ALARMS,
        {"AlarmNames": list(experiment.alarm_names), "StateValue": "ALARM"},
        then="GuardrailHeld",
        retries=[asl.SDK_FAILED],
        caught_by=asl.RELEASE_FAILED,
        select={"alarms.$": "$.MetricAlarms[*].AlarmName"},
        result_path="$.guardrail",
    )
    held = "Experiment" if experiment.minutes else "Guardrail"
    waiting = (
        {"Experiment": asl.wait(experiment.minutes * 60, then="Guardrail")}
        if experiment.minutes
        else {}
    )
    return {
        **steps.weights("ExperimentWeight", experiment.weight, then=held),
        **waiting,
        "Guardrail": describe,
        "GuardrailHeld": asl.choice(
            [asl.when("$.guardrail.alarms[0]", IsPresent=True, then="RollBack")],
            default="Promote",
        ),
    }


@dataclass(frozen=True, slots=True)
class _Steps:
    """Builds the states that call the rollout function."""

    function_arn: str
    execution: Mapping[str, Any]

    def _call(
        self, operation: str, given: Mapping[str, Any], *, result_path: str, then: str
    ) -> State:
        return asl.invoke(
            self.function_arn,
            {
                "operation": operation,
                "execution": self.execution,
                "execution_id.$": "$$.Execution.Id",
                "fencing.$": "$.lease.value.fencing",
                **given,
            },
            result_path=result_path,
            then=then,
            caught_by=asl.RELEASE_FAILED,
            retries=[asl.STACK_BUSY],
        )

    def update(self, name: str, operation: str, *, done: str) -> States:
        """Start an update and poll until it ended; ``done`` follows if it is complete."""
        package = {} if operation == "start_rollback" else {"package_arn.$": PACKAGE}
        return {
            name: self._call(operation, package, result_path="$.update", then=f"{name}Status"),
            f"{name}Status": self._call(
                "status", {}, result_path="$.status", then=f"{name}Complete"
            ),
            f"{name}Complete": asl.choice(
                [
                    asl.when("$.status.value.state", StringEquals="complete", then=done),
                    asl.when(
                        "$.status.value.state", StringEquals="in_progress", then=f"{name}Wait"
                    ),
                ],
                default=f"{name}Failed",
            ),
            f"{name}Wait": asl.wait(POLL_SECONDS, then=f"{name}Status"),
            f"{name}Failed": asl.shape(
                {"Error": f"{name}Failed", "Cause.$": "$.status.value.reason"},
                result_path=asl.FAILURE_PATH,
                then=asl.RELEASE_FAILED,
            ),
        }

    def weights(self, name: str, weight: float, *, then: str) -> States:
        """Give the challenger variant a share of the traffic."""
        return {
            name: self._call("set_weights", {"weight": weight}, result_path="$.weights", then=then)
        }
