"""How an execution ends: lease given back, somebody told, and the right final state."""

from __future__ import annotations

from stacks.kit import asl
from stacks.kit.asl import State, States
from stacks.kit.sagemaker_jobs import RUN_ID
from stacks.training.states.flow import Flow, release


def states(flow: Flow) -> States:
    """From ``Release`` (decided) and ``ReleaseFailed`` (caught) to the end."""
    return {
        "Release": release(flow, "$.outcome.result", then="Notice", caught_by="FailureNotice"),
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
        asl.RELEASE_FAILED: release(
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
