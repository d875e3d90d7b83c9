"""A flow whose input is refused fails at once, tells why, and has called nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from local.platform import Platform
from stacks.monitoring import states as monitor
from stacks.training.states import retraining
from tests.support import sagemaker as support
from tests.support.flows import MONITOR, RETRAINING
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


class Flows:
    """Both flows with a topic that is listened to, and a role that may publish and no more."""

    def __init__(self, platform: Platform) -> None:
        self.states, self.sqs = platform.client("stepfunctions"), platform.client("sqs")
        sns = platform.client("sns")
        self.topic = sns.create_topic(Name=unique("ops"))["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName=unique("heard"))["QueueUrl"]
        wanted = {"QueueUrl": self.queue, "AttributeNames": ["QueueArn"]}
        arn = self.sqs.get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
        open_to_sns = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [open_to_sns]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self.role = support.make_role(
            platform, "states.amazonaws.com", [allow("sns:Publish", self.topic)]
        )

    def run(self, flow: str, given: str) -> tuple[dict[str, Any], list[str]]:
        """The execution as it ended, and the states that it entered."""
        definition = (
            retraining.definition(replace(RETRAINING, topic_arn=self.topic))
            if flow == "retraining"
            else monitor.definition(replace(MONITOR, topic_arn=self.topic))
        )
        machine = self.states.create_state_machine(
            name=unique(flow), roleArn=self.role, definition=json.dumps(definition)
        )["stateMachineArn"]
        arn = self.states.start_execution(stateMachineArn=machine, input=given)["executionArn"]

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.states.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        found = support.wait_for(ended, 30)
        history = self.states.get_execution_history(executionArn=arn)["events"]
        details = [event.get("stateEnteredEventDetails") for event in history]
        return found, [one["name"] for one in details if one]

    def heard(self) -> dict[str, Any]:
        """The newest message of the topic."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=5)
        (message,) = answer["Messages"]
        assert "\\\\u" not in message["Body"], "JsonToString keeps letters"
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        told: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
        return told


@pytest.fixture(scope="module")
def flows(platform: Platform) -> Flows:
    return Flows(platform)


@pytest.mark.parametrize("flow", ["retraining", "monitor"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('{"window_start": "2013-01-01T00:00:00Z"}', "window_end is missing"),
        ('{"window_ende": "é"}', '"window_ende" is no key of the input, its value is "é"'),
        ("[]", "the input is a list"),
    ],
)
def test_a_bad_input_fails_at_once_and_is_told(
    flows: Flows, flow: str, given: str, words: str
) -> None:
    found, entered = flows.run(flow, given)

    assert (found["status"], found["error"]) == ("FAILED", "Millrace.BadInput")
    assert words in found["cause"]
    assert entered == ["Input", "InputChecked", "BadInput", "FailureNotice", "Alert", "Failed"]
    assert flows.heard()["failure"] == {"Error": "Millrace.BadInput", "Cause": found["cause"]}


def test_a_good_input_goes_on(flows: Flows) -> None:
    _, entered = flows.run("retraining", '{"as_of": "latest"}')
    assert "AcquireLease" in entered
    flows.heard()
