"""A person decides on a package while others may retrain.

The lease is left before asking; afterwards ``renewal`` takes it again.
"""

from __future__ import annotations

from functools import partial

from stacks.kit import asl
from stacks.kit.asl import State, States
from stacks.kit.sagemaker_jobs import RUN_ID
from stacks.kit.steps import Step, step
from stacks.training.states.flow import Flow, outcome, release


def step_of(flow: Flow) -> Step:
    """From leaving the lease to the person's answer."""
    return step(
        "LeaveLease",
        partial(_states, flow),
        needs="request package decision",
        gives="released approval",
    )


def _states(flow: Flow, then: str) -> States:
    return {
        # An outcome without cooldown: nothing has been decided yet.
        "LeaveLease": release(flow, None, then="AskForApproval", caught_by=asl.RELEASE_FAILED),
        "AskForApproval": _approval_task(flow, then),
        "NotApproved": outcome("rejected", "not_approved", "States.Array($.failure.Error)"),
    }


def _approval_task(flow: Flow, then: str) -> State:
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
        then=then,
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
