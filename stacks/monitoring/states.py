"""The monitor flow: describe the champion, write the window's outcomes, run the monitor job on
them, alert on failure.

Input: ``{"window_start", "window_end"}`` (UTC times, event time) or ``{}``, when the window is the
last ``window_days`` before the execution's start; anything else is refused (``execution_input``).
An endpoint that captured nothing yet has nothing to monitor: the execution ends as
``NothingCaptured``, and the alarm on missing requests is the one to fire. A seed model was never
evaluated, so there is nothing to compare with: the execution ends as ``SeedServes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from core import names
from stacks.kit import asl, execution_input
from stacks.kit.asl import States
from stacks.kit.calls import payload
from stacks.kit.sagemaker_jobs import Compute, ProcessingCode, below, processing_job
from stacks.kit.steps import Step, chained, step

ALERT = "FailureNotice"
END = "Monitored"
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
    outcomes_job: str
    outcomes: str
    """Prefix of what the outcomes job writes."""
    reports: str
    """Prefix of the model's reports."""
    monitoring_bucket: str
    window_days: int
    topic_arn: str
    timeout_seconds: int


def definition(flow: Flow) -> dict[str, Any]:
    """The state machine as a dictionary."""
    return {
        "Comment": "Compare captured predictions with late labels and with the training window",
        "StartAt": execution_input.START,
        "TimeoutSeconds": flow.timeout_seconds,
        "States": {**chained(steps(flow), end=END), END: asl.succeed(), **_ending_states(flow)},
    }


def steps(flow: Flow) -> list[Step]:
    """What happens, in order."""
    return [
        step(execution_input.START, _checked, gives="given refused"),
        step("WindowGiven", partial(_window, flow), needs="given", gives="window", only=True),
        step("Captured", partial(_captured, flow), gives="captured"),
        step("Champion", partial(_champion, flow), gives="champion"),
        step("Package", _package, needs="champion", gives="package"),
        step("Outcomes", partial(_outcomes, flow), needs="window", gives="outcomes"),
        step("Monitor", partial(_monitor, flow), needs="window champion package", gives="monitor"),
    ]


def _checked(then: str) -> States:
    return execution_input.states(INPUT, then=then, told_by=ALERT)


def _window(flow: Flow, then: str) -> States:
    started = "$states.context.Execution.StartTime"
    length = flow.window_days * DAY_MILLISECONDS
    return {
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
            then=then,
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
            "Next": then,
        },
    }


def _capture(flow: Flow) -> str:
    return f"{names.MONITORING_CAPTURE}{flow.endpoint_name}/"


def _captured(flow: Flow, then: str) -> States:
    return {
        "Captured": asl.task(
            asl.LIST_OBJECTS,
            {"Bucket": flow.monitoring_bucket, "Prefix": _capture(flow), "MaxKeys": 1},
            then="SomethingCaptured",
            retries=[asl.SDK_FAILED],
            caught_by=ALERT,
            select={"objects.$": "$.KeyCount"},
            result_path="$.captured",
        ),
        "SomethingCaptured": asl.choice(
            [asl.when("$.captured.objects", NumericGreaterThan=0, then=then)],
            default="NothingCaptured",
        ),
        "NothingCaptured": asl.succeed(),
    }


def _champion(flow: Flow, then: str) -> States:
    return {
        "Champion": asl.invoke(
            flow.registry_arn,
            payload("registry", "champion", {}),
            result_path="$.champion",
            then=then,
            caught_by=ALERT,
        )
    }


def _package(then: str) -> States:
    return {
        "Package": asl.task(
            asl.DESCRIBE_PACKAGE,
            {"ModelPackageName.$": "$.champion.value.package_arn"},
            then="Trained",
            retries=[asl.SDK_FAILED],
            caught_by=ALERT,
            result_path="$.package",
        ),
        "Trained": asl.choice(
            [asl.when(EVALUATION, IsPresent=True, then=then)],
            default="SeedServes",
        ),
        "SeedServes": asl.succeed(),
    }


def _outcomes(flow: Flow, then: str) -> States:
    """The monitor job's container reads no Iceberg tables."""
    arguments = {
        "--window_start.$": WINDOW_START,
        "--window_end.$": WINDOW_END,
        "--output_outcomes.$": _place(flow),
    }
    return {
        "Outcomes": asl.run_glue(
            {"JobName": flow.outcomes_job, "Arguments": arguments},
            then=then,
            caught_by=ALERT,
            result_path="$.outcomes",
        )
    }


def _place(flow: Flow) -> str:
    return below(flow.monitoring_bucket, f"{flow.outcomes}{{}}/", RUN_ID)


def _monitor(flow: Flow, then: str) -> States:
    return {
        "Monitor": asl.task(
            asl.PROCESSING_JOB,
            _request(flow, f"s3://{flow.monitoring_bucket}/{_capture(flow)}"),
            then=then,
            retries=[asl.SAGEMAKER_TRANSIENT],
            caught_by=ALERT,
            select={"job.$": "$.ProcessingJobName"},
            result_path="$.monitor",
        )
    }


def _request(flow: Flow, capture_uri: str) -> dict[str, Any]:
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
            "outcomes": _place(flow),
            "model": "$.champion.value.model_data_url",
            "evaluation": EVALUATION,
        },
        output=(
            "report",
            below(
                flow.monitoring_bucket,
                f"{flow.reports}{{}}/{{}}/",
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
