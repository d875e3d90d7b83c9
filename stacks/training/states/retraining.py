"""The retraining flow: lease, data, quality gate, training, evaluation, decision, roll-out.

Read :func:`steps` from top to bottom. Whatever fails in a state goes to ``ReleaseFailed``,
from the roll-out on through ``Settle``; what no Catch sees (time-out and stop of the whole
execution) is released and settled from EventBridge.

Input, every member optional: ``{"as_of": UTC time or "latest", "window_start", "window_end",
"reason"}``, the window with both ends or none; anything else is refused before the lease is taken
(``execution_input``). The run's id is the execution's name. A challenger that does not pass ends
the execution as ``Rejected``, which is a success: the flow did what it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from core import names
from stacks.kit import asl, execution_input
from stacks.kit.asl import State, States
from stacks.kit.calls import payload
from stacks.kit.sagemaker_jobs import (
    RUN_ID,
    below,
    processing_job,
    training_job,
)
from stacks.kit.steps import Step, chained, step
from stacks.training.states import approval, endings, renewal, rollout
from stacks.training.states.flow import RELEASE, Flow, acquire, champion, outcome

INPUT = {
    "as_of": execution_input.TIME_OR_LATEST,
    "window_start": execution_input.TIME,
    "window_end": execution_input.TIME,
    "reason": execution_input.TEXT,
}
DEFAULT_INPUT = {"as_of": "latest", "window_start": "", "window_end": "", "reason": "unspecified"}


def definition(flow: Flow) -> dict[str, Any]:
    """The state machine as a dictionary."""
    return {
        "Comment": "Retrain, compare with the champion, and roll out what is better",
        "StartAt": execution_input.START,
        "TimeoutSeconds": flow.timeout_seconds,
        "States": {**chained(steps(flow), end=RELEASE), **endings.states(flow)},
    }


def steps(flow: Flow) -> list[Step]:
    """What happens, in order. The run's id is the execution's name, in ``request``."""
    return [
        step(execution_input.START, _checked, gives="given refused"),
        step("Defaults", _request, needs="given", gives="request", only=True),
        step("AcquireLease", partial(_lease, flow), gives="lease"),
        step("Tidy", partial(rollout.tidy, flow.rollout), needs="lease", gives="settled"),
        step("Curate", partial(_curate, flow), gives="glue"),
        step("WindowGiven", partial(_window, flow), needs="request", gives="features"),
        step("Features", partial(_features, flow), needs="features", gives="glue"),
        step("QualityGate", partial(_quality, flow), needs="request", gives="quality"),
        step("Champion", partial(_champion, flow), gives="champion"),
        step("Train", partial(_train, flow), needs="request", gives="training"),
        step("Evaluate", partial(_evaluate, flow), needs="request training champion",
             gives="evaluation"),
        step("Decide", partial(_decide, flow), needs="request", gives="decision"),
        step("Register", partial(_register, flow), needs="request training quality",
             gives="package"),
        *([approval.step_of(flow)] if flow.manual_approval else []),
        renewal.step_of(flow),
        rollout.step_of(flow.rollout),
    ]  # fmt: skip


def _checked(then: str) -> States:
    return execution_input.states(INPUT, then=then, told_by="FailureNotice")


def _request(then: str) -> States:
    return {
        "Defaults": asl.shape({"defaults": DEFAULT_INPUT, "given.$": "$.given"}, then="Merge"),
        "Merge": asl.shape(
            {"merged.$": "States.JsonMerge($.defaults, $.given, false)"}, then="Request"
        ),
        "Request": asl.shape(
            {
                "request": {
                    "run_id.$": "$$.Execution.Name",
                    "as_of.$": "$.merged.as_of",
                    "window_start.$": "$.merged.window_start",
                    "window_end.$": "$.merged.window_end",
                    "reason.$": "$.merged.reason",
                }
            },
            then=then,
        ),
    }


def _lease(flow: Flow, then: str) -> States:
    return {
        "AcquireLease": acquire(flow, then="LeaseAcquired"),
        "LeaseAcquired": asl.choice(
            [asl.when("$.lease.value.acquired", BooleanEquals=True, then=then)],
            default="Skipped",
        ),
        "Skipped": asl.succeed(),
    }


def _curate(flow: Flow, then: str) -> States:
    return {"Curate": _glue({"JobName": flow.curate_job}, then=then)}


def _window(flow: Flow, then: str) -> States:
    run = below(flow.features_bucket, f"{flow.scope.below(names.FEATURES_RUNS)}{{}}/", RUN_ID)
    arguments = {
        "--output_run.$": run,
        "--as_of.$": "$.request.as_of",
        "--started_at.$": "$$.Execution.StartTime",
    }
    window = {
        "--window_start.$": "$.request.window_start",
        "--window_end.$": "$.request.window_end",
    }
    return {
        "WindowGiven": asl.choice(
            [asl.when("$.request.window_start", StringEquals="", then="LatestWindow")],
            default="GivenWindow",
        ),
        "LatestWindow": asl.shape(arguments, result_path="$.features", then=then),
        "GivenWindow": asl.shape(arguments | window, result_path="$.features", then=then),
    }


def _features(flow: Flow, then: str) -> States:
    parameters = {"JobName": flow.features_job, "Arguments.$": "$.features"}
    return {"Features": _glue(parameters, then=then)}


def _quality(flow: Flow, then: str) -> States:
    return {
        "QualityGate": asl.invoke(
            flow.functions.gate,
            payload("gate", "quality", {"run_id.$": RUN_ID}),
            result_path="$.quality",
            then="QualityPassed",
            caught_by=asl.RELEASE_FAILED,
        ),
        "QualityPassed": asl.choice(
            [asl.when("$.quality.value.passed", BooleanEquals=True, then=then)],
            default="DataRejected",
        ),
        "DataRejected": outcome("rejected", "data_quality", "$.quality.value.reasons"),
    }


def _glue(parameters: Mapping[str, Any], *, then: str) -> State:
    return asl.run_glue(parameters, then=then, caught_by=asl.RELEASE_FAILED, result_path="$.glue")


def _champion(flow: Flow, then: str) -> States:
    return {"Champion": champion(flow, "$.champion", then=then)}


def _train(flow: Flow, then: str) -> States:
    request = training_job(
        flow.training,
        scope=flow.scope,
        features_bucket=flow.features_bucket,
        artifacts_bucket=flow.artifacts_bucket,
        source_uri=flow.code.source_uri,
        hyperparameters=flow.hyperparameters,
        spot=flow.spot,
    )
    return {
        "Train": asl.task(
            asl.TRAINING_JOB,
            request,
            then=then,
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=asl.RELEASE_FAILED,
            select={
                "job.$": "$.TrainingJobName",
                "model_data_url.$": "$.ModelArtifacts.S3ModelArtifacts",
            },
            result_path="$.training",
        )
    }


def _evaluate(flow: Flow, then: str) -> States:
    holdout = f"{flow.scope.below(names.FEATURES_RUNS)}{{}}/holdout/"
    request = processing_job(
        flow.evaluation,
        flow.code,
        command="evaluate",
        inputs={
            "candidate": "$.training.model_data_url",
            "champion": "$.champion.value.model_data_url",
            "holdout": below(flow.features_bucket, holdout, RUN_ID),
        },
        output=(
            "evaluation",
            below(
                flow.artifacts_bucket,
                f"{flow.scope.below(names.ARTIFACTS_EVALUATIONS)}{{}}/",
                RUN_ID,
            ),
        ),
    )
    return {
        "Evaluate": asl.task(
            asl.PROCESSING_JOB,
            request,
            then=then,
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=asl.RELEASE_FAILED,
            select={"job.$": "$.ProcessingJobName"},
            result_path="$.evaluation",
        )
    }


def _decide(flow: Flow, then: str) -> States:
    return {
        "Decide": asl.invoke(
            flow.functions.gate,
            payload("gate", "decide", {"run_id.$": RUN_ID}),
            result_path="$.decision",
            then="Better",
            caught_by=asl.RELEASE_FAILED,
        ),
        "Better": asl.choice(
            [asl.when("$.decision.value.promote", BooleanEquals=True, then=then)],
            default="ModelRejected",
        ),
        "ModelRejected": outcome("rejected", "not_better", "$.decision.value.reasons"),
    }


def _register(flow: Flow, then: str) -> States:
    return {
        "Register": asl.invoke(
            flow.functions.registry,
            payload(
                "registry",
                "register",
                {
                    "run_id.$": RUN_ID,
                    "training_job.$": "$.training.job",
                    "model_data_url.$": "$.training.model_data_url",
                    "snapshots.$": "$.quality.value.snapshots",
                },
            ),
            result_path="$.package",
            then=then,
            caught_by=asl.RELEASE_FAILED,
        )
    }
