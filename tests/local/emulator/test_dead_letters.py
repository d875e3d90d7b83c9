"""The production settings' dead-letter queue takes what each kind of sender could not deliver.

Functions, schedules, rules and topics of the deployment are made to fail; a rule of somebody else
may not send.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.platform import Platform
from operations.subject import Subject
from tests.support.deployments import subject_of
from tests.support.probe_stack import wait_for

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

SOURCE = "probe.dead-letters"
START_JOB = "arn:aws:scheduler:::aws-sdk:glue:startJobRun"


class Senders:
    """Makes each kind of sender of one deployment fail; undone by ``undo``."""

    def __init__(self, platform: Platform, prod: Subject) -> None:
        self._platform, self._one = platform, prod.deployed.one
        self.undo = ExitStack()
        self.url = self._one("AWS::SQS::Queue", "security")
        sqs = self._client("sqs")
        attributes = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]
        self.gate = self._one("AWS::Lambda::Function", "training", "FunctionsGate")

    def _client(self, service: str) -> Any:
        return self._platform.client(service)

    def function(self) -> None:
        """An event that the function refuses, time and again."""
        self._client("lambda").invoke(
            FunctionName=self.gate, InvocationType="Event", Payload=b'{"operation": "none"}'
        )

    def rule(self, name: str) -> None:
        """A rule whose target did not admit it."""
        events, function = self._client("events"), self._client("lambda")
        arn = function.get_function_configuration(FunctionName=self.gate)["FunctionArn"]
        pattern = json.dumps({"source": [SOURCE]})
        events.put_rule(Name=name, EventPattern=pattern)
        self.undo.callback(events.delete_rule, Name=name)
        target = {"Id": "gate", "Arn": arn, "DeadLetterConfig": {"Arn": self.arn}}
        events.put_targets(Rule=name, Targets=[target])
        self.undo.callback(events.remove_targets, Rule=name, Ids=["gate"])

    def event(self) -> None:
        """What the rules wait for."""
        entry = {"Source": SOURCE, "DetailType": "probe", "Detail": "{}"}
        assert not self._client("events").put_events(Entries=[entry])["FailedEntryCount"]

    def schedule(self) -> None:
        """A call that the role of a deployed schedule was never granted."""
        scheduler = self._client("scheduler")
        due = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
        deployed = self._one("AWS::Scheduler::Schedule", "processing")
        role = scheduler.get_schedule(Name=deployed.rsplit("/")[-1])["Target"]["RoleArn"]
        scheduler.create_schedule(
            Name="probe-refused",
            ScheduleExpression=f"at({due})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": START_JOB,
                "RoleArn": role,
                "Input": json.dumps({"JobName": "somebody-elses"}),
                "DeadLetterConfig": {"Arn": self.arn},
            },
        )
        self.undo.callback(scheduler.delete_schedule, Name="probe-refused")

    def topic(self) -> None:
        """An alert for a subscriber that is gone, and that wants no other alert."""
        sns = self._client("sns")
        ops = self._one("AWS::SNS::Topic", "security", "Operations")
        gone = self.arn.rsplit(":", 1)[0] + ":gone"
        attributes = {
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": self.arn}),
            "FilterPolicy": json.dumps({"probe": ["yes"]}),
        }
        subscribed = sns.subscribe(
            TopicArn=ops,
            Protocol="sqs",
            Endpoint=gone,
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        self.undo.callback(sns.unsubscribe, SubscriptionArn=subscribed["SubscriptionArn"])
        marked = {"probe": {"DataType": "String", "StringValue": "yes"}}
        sns.publish(TopicArn=ops, Message="an alert", MessageAttributes=marked)

    def letters(self) -> list[dict[str, Any]]:
        """What is in the queue now, taken out of it."""
        sqs = self._client("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return list(answer.get("Messages", []))


@pytest.fixture(scope="module")
def senders(prod_deployment: Platform) -> Iterator[Senders]:
    found = Senders(prod_deployment, subject_of(prod_deployment, "prod"))
    with found.undo:
        yield found


def _origin(letter: dict[str, Any]) -> tuple[str, str]:
    """Where a letter is from and why, as the runbook says to read it."""
    facts = {k: v["StringValue"] for k, v in letter.get("MessageAttributes", {}).items()}
    if "RULE_ARN" in facts:
        return facts["RULE_ARN"].rsplit("/")[-1], facts["ERROR_CODE"]
    if "SCHEDULE_ARN" in facts:
        return facts["SCHEDULE_ARN"].rsplit("/")[-1], facts["ERROR_CODE"]
    if "RequestID" in facts:
        return f"function {letter['Body']}", facts["ErrorMessage"]
    return json.loads(letter["Body"])["Message"], ""


def test_every_sender_of_the_deployment_is_admitted_and_nobody_else(
    senders: Senders, prod_deployment: Platform
) -> None:
    ours = subject_of(prod_deployment, "prod").scope.rule("probe")
    for name in ("Millrace-flights-dev-probe", ours):
        senders.rule(name)
    for act in (senders.event, senders.schedule, senders.topic, senders.function):
        act()
    found: dict[str, str] = {}

    def collect() -> bool:
        found.update(map(_origin, senders.letters()))
        return len(found) >= 4

    wait_for(collect, 60, "a letter of each sender")
    assert found == {
        'function {"operation": "none"}': "run_id is None; expected text",
        ours: "NO_PERMISSIONS",
        "probe-refused": "AccessDeniedException",
        "an alert": "",
    }
    assert senders.letters() == []
