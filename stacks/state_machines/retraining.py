"""The retraining flow: lease, data, quality gate, training, evaluation, decision, roll-out.

Read :func:`definition` from top to bottom. Whatever fails in a state goes to ``ReleaseFailed``;
what no Catch sees (time-out and stop of the whole execution) is released from EventBridge.

Input, every member optional: ``{"as_of": ISO time or "latest", "window_start", "window_end",
"reason"}``. The run's id is the execution's name. A challenger that does not pass ends the
execution as ``Rejected``, which is a success: the flow did what it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.shared import names
from stacks.state_machines import asl, rollout
from stacks.state_machines.asl import State, States
from stacks.state_machines.jobs import (
    RUN_ID,
    Compute,
    ProcessingCode,
    below,
    processing_job,
    training_job,
)

DEFAULT_INPUT = {"as_of": "latest", "window_start": "", "window_end": "", "reason": "unspecified"}
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


def definition(flow: Flow) -> dict[str, Any]:
    """The state machine as a dictionary."""
    return {
        "Comment": "Retrain, compare with the champion, and roll out what is better",
        "StartAt": "Defaults",
        "TimeoutSeconds": flow.timeout_seconds,
        "States": {
            **_input_states(),
            **_lease_states(flow),
            **_data_states(flow),
            **_model_states(flow),
            **_decision_states(flow),
            **rollout.states(flow.functions.rollout, flow.experiment, EXECUTION),
            **_ending_states(flow),
        },
    }


def _input_states() -> States:
    return {
        "Defaults": asl.shape(
            {"defaults": DEFAULT_INPUT, "given.$": "$$.Execution.Input"}, then="Merge"
        ),
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
            then="AcquireLease",
        ),
    }


def _lease_states(flow: Flow) -> States:
    return {
        "AcquireLease": _acquire(flow, then="LeaseAcquired"),
        "LeaseAcquired": asl.choice(
            [asl.when("$.lease.value.acquired", BooleanEquals=True, then="Curate")],
            default="Skipped",
        ),
        "Skipped": asl.succeed(),
    }


def _acquire(flow: Flow, *, then: str) -> State:
    return asl.invoke(
        flow.functions.lease,
        {"operation": "acquire", "execution_id.$": "$$.Execution.Id", "execution": OWNER},
        result_path="$.lease",
        then=then,
        caught_by=asl.RELEASE_FAILED,
    )


def _data_states(flow: Flow) -> States:
    run = below(flow.features_bucket, f"{names.FEATURES_RUNS}{{}}/", RUN_ID)
    arguments = {"--output_run.$": run, "--as_of.$": "$.request.as_of"}
    window = {
        "--window_start.$": "$.request.window_start",
        "--window_end.$": "$.request.window_end",
    }
    return {
        "Curate": _glue(flow.curate_job, None, then="WindowGiven"),
        "WindowGiven": asl.choice(
            [asl.when("$.request.window_start", StringEquals="", then="LatestWindow")],
            default="GivenWindow",
        ),
        "LatestWindow": asl.shape(arguments, result_path="$.features", then="Features"),
        "GivenWindow": asl.shape(arguments | window, result_path="$.features", then="Features"),
        "Features": _glue(flow.features_job, "$.features", then="QualityGate"),
        "QualityGate": asl.invoke(
            flow.functions.gate,
            {"operation": "quality", "run_id.$": RUN_ID, "execution": EXECUTION},
            result_path="$.quality",
            then="QualityPassed",
            caught_by=asl.RELEASE_FAILED,
        ),
        "QualityPassed": asl.choice(
            [asl.when("$.quality.value.passed", BooleanEquals=True, then="Champion")],
            default="DataRejected",
        ),
        "DataRejected": outcome("rejected", "data_quality", "$.quality.value.reasons"),
    }


def _glue(job: str, arguments: str | None, *, then: str) -> State:
    parameters = {"JobName": job}
    if arguments:
        parameters["Arguments.$"] = arguments
    return asl.task(
        asl.GLUE_JOB,
        parameters,
        then=then,
        retries=[asl.GLUE_BUSY, asl.GLUE_TRANSIENT, asl.GLUE_RUN_FAILED],
        caught_by=asl.RELEASE_FAILED,
        select={"job_run_id.$": "$.Id"},
        result_path="$.glue",
    )


def _model_states(flow: Flow) -> States:
    training = training_job(
        flow.training,
        features_bucket=flow.features_bucket,
        artifacts_bucket=flow.artifacts_bucket,
        source_uri=flow.code.source_uri,
        hyperparameters=flow.hyperparameters,
        spot=flow.spot,
    )
    evaluation = processing_job(
        flow.evaluation,
        flow.code,
        command="evaluate",
        inputs={
            "candidate": "$.training.model_data_url",
            "champion": "$.champion.value.model_data_url",
            "holdout": below(flow.features_bucket, f"{names.FEATURES_RUNS}{{}}/holdout/", RUN_ID),
        },
        output=(
            "evaluation",
            below(flow.artifacts_bucket, f"{names.ARTIFACTS_EVALUATIONS}{{}}/", RUN_ID),
        ),
    )
    return {
        "Champion": _champion(flow, "$.champion", then="Train"),
        "Train": asl.task(
            asl.TRAINING_JOB,
            training,
            then="Evaluate",
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=asl.RELEASE_FAILED,
            select={
                "job.$": "$.TrainingJobName",
                "model_data_url.$": "$.ModelArtifacts.S3ModelArtifacts",
            },
            result_path="$.training",
        ),
        "Evaluate": asl.task(
            asl.PROCESSING_JOB,
            evaluation,
            then="Decide",
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=asl.RELEASE_FAILED,
            select={"job.$": "$.ProcessingJobName"},
            result_path="$.evaluation",
        ),
    }


def _champion(flow: Flow, result_path: str, *, then: str) -> State:
    return asl.invoke(
        flow.functions.registry,
        {"operation": "champion", "execution": EXECUTION},
        result_path=result_path,
        then=then,
        caught_by=asl.RELEASE_FAILED,
    )


def _decision_states(flow: Flow) -> States:
    states: States = {
        "Decide": asl.invoke(
            flow.functions.gate,
            {"operation": "decide", "run_id.$": RUN_ID, "execution": EXECUTION},
            result_path="$.decision",
            then="Better",
            caught_by=asl.RELEASE_FAILED,
        ),
        "Better": asl.choice(
            [asl.when("$.decision.value.promote", BooleanEquals=True, then="Register")],
            default="ModelRejected",
        ),
        "ModelRejected": outcome("rejected", "not_better", "$.decision.value.reasons"),
        "Register": asl.invoke(
            flow.functions.registry,
            {
                "operation": "register",
                "run_id.$": RUN_ID,
                "training_job.$": "$.training.job",
                "model_data_url.$": "$.training.model_data_url",
                "execution": EXECUTION,
            },
            result_path="$.package",
            then="LeaveLease" if flow.manual_approval else rollout.START,
            caught_by=asl.RELEASE_FAILED,
        ),
    }
    return states | (_approval_states(flow) if flow.manual_approval else {})


def _approval_states(flow: Flow) -> States:
    """A person decides while others may retrain; afterwards lease and champion are read again."""
    return {
        # An outcome without cooldown: nothing has been decided yet.
        "LeaveLease": _release(flow, None, then="AskForApproval", caught_by=asl.RELEASE_FAILED),
        "AskForApproval": _approval_task(flow),
        "NotApproved": outcome("rejected", "not_approved", "States.Array($.failure.Error)"),
        "AcquireAgain": _acquire(flow, then="AcquiredAgain"),
        "AcquiredAgain": asl.choice(
            [
                asl.when("$.lease.value.acquired", BooleanEquals=True, then="ChampionAgain"),
                asl.when("$.lease.value.reason", StringEquals="held", then="WaitForLease"),
            ],
            # In cooldown: another retraining was decided meanwhile.
            default="Superseded",
        ),
        "WaitForLease": asl.wait(60, then="AcquireAgain"),
        "ChampionAgain": _champion(flow, "$.champion_again", then="SameChampion"),
        "SameChampion": asl.choice(
            [
                asl.when(
                    "$.champion.value.package_arn",
                    StringEqualsPath="$.champion_again.value.package_arn",
                    then=rollout.START,
                )
            ],
            default="Superseded",
        ),
        "Superseded": outcome(
            "rejected", "superseded", "States.Array($.champion.value.package_arn)"
        ),
    }


def _approval_task(flow: Flow) -> State:
    """Publish the task token; success approves, the error ``Rejected`` or silence refuses."""
    message = {
        "what": "Approve or reject a model package: send the task token with success or failure",
        "run_id.$": RUN_ID,
        "package.$": "$.package.value.package_arn",
        "decision.$": "$.decision.value",
        "task_token.$": "$$.Task.Token",
    }
    ask = asl.task(
        asl.PUBLISH_AND_WAIT,
        {
            "TopicArn": flow.topic_arn,
            "Subject": "Millrace: a model waits for approval",
            "Message": message,
        },
        then="AcquireAgain",
        retries=[asl.retry(["SNS.AmazonSNSException"], seconds=2, attempts=5)],
        caught_by=asl.RELEASE_FAILED,
        select={"answer.$": "$"},
        result_path="$.approval",
        timeout_seconds=flow.approval_seconds,
    )
    refused = {
        "ErrorEquals": ["Rejected", "States.Timeout"],
        "ResultPath": asl.FAILURE_PATH,
        "Next": "NotApproved",
    }
    ask["Catch"].insert(0, refused)
    return ask


def outcome(result: str, code: str, reasons: str) -> State:
    """Where a path ends: the lease's outcome, a code, and the reasons (a path or intrinsic)."""
    return asl.shape(
        {"result": result, "code": code, "reasons.$": reasons},
        result_path="$.outcome",
        then="Release",
    )


def _ending_states(flow: Flow) -> States:
    return {
        "Release": _release(flow, "$.outcome.result", then="Notice", caught_by="FailureNotice"),
        "Notice": asl.shape(
            {
                "run_id.$": RUN_ID,
                "reason.$": "$.request.reason",
                "outcome.$": "$.outcome",
                "execution.$": "$$.Execution.Id",
            },
            result_path="$.notice",
            then="Notify",
        ),
        "Notify": _publish(flow, "retraining finished", then="Promotion", caught_by="Failed"),
        "Promotion": asl.choice(
            [asl.when("$.outcome.result", StringEquals="promoted", then="Promoted")],
            default="Rejected",
        ),
        "Promoted": asl.succeed(),
        "Rejected": asl.succeed(),
        asl.RELEASE_FAILED: _release(
            flow, None, then="FailureNotice", caught_by="FailureNotice", keep_failure=True
        ),
        "FailureNotice": asl.shape(
            {
                "run_id.$": "$$.Execution.Name",
                "failure.$": "$.failure",
                "execution.$": "$$.Execution.Id",
            },
            result_path="$.notice",
            then="Alert",
        ),
        "Alert": _publish(flow, "retraining failed", then="Failed", caught_by="Failed"),
        "Failed": asl.fail_with_reason(),
    }


def _release(
    flow: Flow, result: str | None, *, then: str, caught_by: str, keep_failure: bool = False
) -> State:
    given = {"outcome.$": result} if result else {"outcome": "failed"}
    state = asl.invoke(
        flow.functions.lease,
        {
            "operation": "release",
            "execution_id.$": "$$.Execution.Id",
            "execution": OWNER,
            **given,
        },
        result_path="$.released",
        then=then,
        caught_by=caught_by,
    )
    if keep_failure:
        # The first failure is the one to report; the lease also expires by itself.
        state["Catch"][0]["ResultPath"] = "$.release_failure"
    return state


def _publish(flow: Flow, subject: str, *, then: str, caught_by: str) -> State:
    state = asl.task(
        asl.PUBLISH,
        {
            "TopicArn": flow.topic_arn,
            "Subject": f"Millrace: {subject}",
            "Message.$": "States.JsonToString($.notice)",
        },
        then=then,
        retries=[asl.PUBLISH_FAILED],
        caught_by=caught_by,
        select={"message_id.$": "$.MessageId"},
        result_path="$.published",
    )
    if subject.endswith("failed"):
        state["Catch"][0]["ResultPath"] = "$.alert_failure"
    return state
