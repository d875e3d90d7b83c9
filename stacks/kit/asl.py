"""Building blocks of Amazon States Language: tasks that always retry and always catch.

Every task goes through :func:`task`, so a state without Retry and Catch cannot be written by
forgetting one. JSONPath but for two states: the definitions use paths and a handful of intrinsics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

State = dict[str, Any]
States = dict[str, State]

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"
GLUE_JOB = "arn:aws:states:::glue:startJobRun.sync"
TRAINING_JOB = "arn:aws:states:::sagemaker:createTrainingJob.sync"
PROCESSING_JOB = "arn:aws:states:::sagemaker:createProcessingJob.sync"
PUBLISH = "arn:aws:states:::sns:publish"
PUBLISH_AND_WAIT = "arn:aws:states:::sns:publish.waitForTaskToken"
LIST_OBJECTS = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
DESCRIBE_PACKAGE = "arn:aws:states:::aws-sdk:sagemaker:describeModelPackage"

# Where a Catch puts Error and Cause.
FAILURE_PATH = "$.failure"
# Where a Catch leads: give the lease back, then alert, then fail.
RELEASE_FAILED = "ReleaseFailed"
# Where a Catch leads once a roll-out has begun: bring traffic back first.
SETTLE = "Settle"


def retry(
    errors: Sequence[str], *, seconds: int, attempts: int, longest: int = 120
) -> dict[str, Any]:
    """One retrier with exponential backoff and full jitter; ``seconds`` is the first interval."""
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": seconds,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "MaxDelaySeconds": longest,
        "JitterStrategy": "FULL",
    }


# Errors that pass by themselves, by integration. What our own code raises is not among them.
# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
LAMBDA_TRANSIENT = retry(
    [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "Lambda.ClientExecutionTimeoutException",
    ],
    seconds=2,
    attempts=6,
)
GLUE_TRANSIENT = retry(
    [
        "Glue.AWSGlueException",
        "Glue.InternalServiceException",
        "Glue.OperationTimeoutException",
        "Glue.ThrottlingException",
    ],
    seconds=5,
    attempts=6,
)
# Another run may be under way, such as the hourly one of curate: wait, up to about half an hour.
GLUE_BUSY = retry(["Glue.ConcurrentRunsExceededException"], seconds=15, attempts=20)
# Jobs are idempotent, so a run that failed (a lost executor, say) is worth one more.
GLUE_RUN_FAILED = retry(["States.TaskFailed"], seconds=10, attempts=1)
SAGEMAKER_TRANSIENT = retry(
    [
        "SageMaker.AmazonSageMakerException",
        "SageMaker.ResourceLimitExceededException",
        "SageMaker.ThrottlingException",
    ],
    seconds=10,
    attempts=5,
    longest=300,
)
# The serving stack or its endpoint is being changed by somebody else: wait, up to half an hour.
STACK_BUSY = retry(["StackBusy"], seconds=10, attempts=20)
# Publishing twice is harmless; not publishing is not.
PUBLISH_FAILED = retry(["States.TaskFailed"], seconds=2, attempts=5)
SDK_FAILED = retry(["States.TaskFailed"], seconds=2, attempts=5)


def task(
    resource: str,
    parameters: Mapping[str, Any],
    *,
    then: str | None,
    retries: Sequence[Mapping[str, Any]],
    caught_by: str,
    result_path: str,
    select: Mapping[str, Any] | None = None,
    timeout_seconds: int | None = None,
) -> State:
    """A Task state. ``then`` None ends the execution."""
    state: State = {
        "Type": "Task",
        "Resource": resource,
        "Parameters": dict(parameters),
        "ResultPath": result_path,
        "Retry": [dict(one) for one in retries],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": FAILURE_PATH, "Next": caught_by}],
    }
    if select is not None:
        state["ResultSelector"] = dict(select)
    if timeout_seconds is not None:
        state["TimeoutSeconds"] = timeout_seconds
    return _ending(state, then)


def invoke(
    function_arn: str,
    call: Mapping[str, Any],
    *,
    then: str | None,
    caught_by: str,
    result_path: str,
    retries: Sequence[Mapping[str, Any]] = (),
) -> State:
    """Make a call (``calls.payload``); its result goes to ``value`` below ``result_path``."""
    return task(
        LAMBDA_INVOKE,
        {"FunctionName": function_arn, "Payload": dict(call)},
        then=then,
        retries=[*retries, LAMBDA_TRANSIENT],
        caught_by=caught_by,
        result_path=result_path,
        select={"value.$": "$.Payload"},
    )


def run_glue(
    parameters: Mapping[str, Any], *, then: str | None, caught_by: str, result_path: str
) -> State:
    """Run a Glue job and wait for its end; the run's id goes to ``job_run_id``."""
    return task(
        GLUE_JOB,
        parameters,
        then=then,
        retries=[GLUE_BUSY, GLUE_TRANSIENT, GLUE_RUN_FAILED],
        caught_by=caught_by,
        select={"job_run_id.$": "$.Id"},
        result_path=result_path,
    )


def choice(rules: Sequence[Mapping[str, Any]], *, default: str) -> State:
    """A Choice state; each rule has its own ``Next``."""
    return {"Type": "Choice", "Choices": [dict(rule) for rule in rules], "Default": default}


def when(variable: str, *, then: str, **comparison: Any) -> dict[str, Any]:
    """One rule of a Choice, for example ``when("$.gate.value.passed", BooleanEquals=True, …)``."""
    return {"Variable": variable, **comparison, "Next": then}


def shape(parameters: Mapping[str, Any], *, then: str, result_path: str | None = None) -> State:
    """A Pass state that computes a value from the state's input."""
    state: State = {"Type": "Pass", "Parameters": dict(parameters), "Next": then}
    if result_path is not None:
        state["ResultPath"] = result_path
    return state


def wait(seconds: int, *, then: str) -> State:
    """A Wait state."""
    return {"Type": "Wait", "Seconds": seconds, "Next": then}


def succeed() -> State:
    """The end of an execution that did what it should."""
    return {"Type": "Succeed"}


def fail_with_reason() -> State:
    """The end of an execution that failed: error and cause are those that were caught."""
    return {
        "Type": "Fail",
        "ErrorPath": f"{FAILURE_PATH}.Error",
        "CausePath": f"{FAILURE_PATH}.Cause",
    }


def _ending(state: State, then: str | None) -> State:
    if then is None:
        state["End"] = True
    else:
        state["Next"] = then
    return state
