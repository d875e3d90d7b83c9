"""The monitor flow: describe the champion, run the monitor job on a window, alert on failure.

Input: ``{"window_start", "window_end"}`` (UTC times, event time) or ``{}``, when the window is the
last ``window_days`` before the execution's start; anything else is refused (``execution_input``).
An endpoint that captured nothing yet has nothing to monitor: the execution ends as
``NothingCaptured``, and the alarm on missing requests is the one to fire. A seed model was never
evaluated, so there is nothing to compare with: the execution ends as ``SeedServes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import names
from stacks.kit import asl, execution_input
from stacks.kit.asl import States
from stacks.kit.sagemaker_jobs import Compute, ProcessingCode, below, processing_job

ALERT = "FailureNotice"
RUN_ID = "$$.Execution.Name"
WINDOW_START = "$.window.window_start"
WINDOW_END = "$.window.window_end"
INPUT = {"window_start": execution_input.TIME, "window_end": execution_input.TIME}
# Absent from a seed package.
EVALUATION = "$.package.ModelMetrics.ModelQuality.Statistics.S3Uri"
DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, slots=True)
class Flow:
    """What the monitor flow needs to know."""

    registry_arn: str
    job: Compute
    code: ProcessingCode
    endpoint_name: str
    monitoring_bucket: str
    curated_bucket: str
    window_days: int
    topic_arn: str
    timeout_seconds: int


def definition(flow: Flow) -> dict[str, Any]:
    """The state machine as a dictionary."""
    return {
        "Comment": "Compare captured predictions with late labels and with the training window",
        "StartAt": execution_input.START,
        "TimeoutSeconds": flow.timeout_seconds,
        "States": {**_window_states(flow), **_job_states(flow), **_ending_states(flow)},
    }


def _window_states(flow: Flow) -> States:
    started = "$states.context.Execution.StartTime"
    length = flow.window_days * DAY_MILLISECONDS
    return {
        **execution_input.states(INPUT, then="WindowGiven", told_by=ALERT),
        "WindowGiven": asl.choice(
            [asl.when("$.given.window_start", IsPresent=True, then="GivenWindow")],
            default="LatestWindow",
        ),
        "GivenWindow": asl.shape(
            {
                "window": {
                    "window_start.$": "$.given.window_start",
                    "window_end.$": "$.given.window_end",
                }
            },
            then="Captured",
        ),
        # JSONata: JSONPath has no arithmetic on dates.
        "LatestWindow": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": {
                "window": {
                    "window_start": f"{{% $fromMillis($toMillis({started}) - {length}) %}}",
                    "window_end": f"{{% {started} %}}",
                }
            },
            "Next": "Captured",
        },
    }


def _job_states(flow: Flow) -> States:
    capture = f"{names.MONITORING_CAPTURE}{flow.endpoint_name}/"
    return {
        "Captured": asl.task(
            asl.LIST_OBJECTS,
            {"Bucket": flow.monitoring_bucket, "Prefix": capture, "MaxKeys": 1},
            then="SomethingCaptured",
            retries=[asl.SDK_FAILED],
            caught_by=ALERT,
            select={"objects.$": "$.KeyCount"},
            result_path="$.captured",
        ),
        "SomethingCaptured": asl.choice(
            [asl.when("$.captured.objects", NumericGreaterThan=0, then="Champion")],
            default="NothingCaptured",
        ),
        "NothingCaptured": asl.succeed(),
        "Champion": asl.invoke(
            flow.registry_arn,
            {"operation": "champion", "execution": {"id.$": "$$.Execution.Id"}},
            result_path="$.champion",
            then="Package",
            caught_by=ALERT,
        ),
        "Package": asl.task(
            asl.DESCRIBE_PACKAGE,
            {"ModelPackageName.$": "$.champion.value.package_arn"},
            then="Trained",
            retries=[asl.SDK_FAILED],
            caught_by=ALERT,
            result_path="$.package",
        ),
        "Trained": asl.choice(
            [asl.when(EVALUATION, IsPresent=True, then="Monitor")],
            default="SeedServes",
        ),
        "SeedServes": asl.succeed(),
        "Monitor": asl.task(
            asl.PROCESSING_JOB,
            _request(flow, f"s3://{flow.monitoring_bucket}/{capture}"),
            then="Monitored",
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=ALERT,
            select={"job.$": "$.ProcessingJobName"},
            result_path="$.monitor",
        ),
        "Monitored": asl.succeed(),
    }


def _request(flow: Flow, capture_uri: str) -> dict[str, Any]:
    curated = f"s3://{flow.curated_bucket}/"
    return processing_job(
        flow.job,
        flow.code,
        command="monitor",
        arguments=(
            f"States.Array('--window-start', {WINDOW_START}, '--window-end', {WINDOW_END}, "
            f"'--endpoint', '{flow.endpoint_name}')"
        ),
        inputs={
            "capture": capture_uri,
            "labels": curated + names.CURATED[names.TABLE_LABELS],
            "events": curated + names.CURATED[names.TABLE_EVENTS],
            "model": "$.champion.value.model_data_url",
            "evaluation": EVALUATION,
        },
        output=(
            "report",
            below(
                flow.monitoring_bucket,
                f"{names.MONITORING_REPORTS}{{}}/{{}}/",
                WINDOW_END,
                RUN_ID,
            ),
        ),
    )


def _ending_states(flow: Flow) -> States:
    alert = asl.task(
        asl.PUBLISH,
        {
            "TopicArn": flow.topic_arn,
            "Subject": "Millrace: monitoring failed",
            "Message.$": "States.JsonToString($.notice)",
        },
        then="Failed",
        retries=[asl.PUBLISH_FAILED],
        caught_by="Failed",
        select={"message_id.$": "$.MessageId"},
        result_path="$.published",
    )
    alert["Catch"][0]["ResultPath"] = "$.alert_failure"
    return {
        ALERT: asl.shape(
            {"failure.$": "$.failure", "execution.$": "$$.Execution.Id"},
            result_path="$.notice",
            then="Alert",
        ),
        "Alert": alert,
        "Failed": asl.fail_with_reason(),
    }
