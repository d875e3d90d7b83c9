"""Rules, topics, queues and their policies: each wrong property next to the right one.

One event goes out. Who hears of it is the answer: everything that should have stayed silent differs
from its neighbour in one property.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from local.platform import Platform
from tests.support.probe_stack import Template, allow, deployed, role, wait_for

pytestmark = pytest.mark.platform

SOURCE = "probe.messages"
QUEUE = {"Fn::GetAtt": ["Heard", "Arn"]}
RULES = ("Matching", "OtherSource", "OtherDetail", "Disabled")
TOPICS = (
    "Admitted", "Refused", "Keyed", "Sealed", "Named", "Misnamed", "Sourced", "SourcedIfSent",
)  # fmt: skip
EXPECTED = ("Matching", "Admitted", "Keyed", "Named", "SourcedIfSent")
OUTPUTS = ("Heard", "Dead", "Once", "Often", "Letters", "KnownTopic", "UnknownTopic", "Machine")


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _admit(service: str, action: str, resource: Any, **condition: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": action,
        "Resource": resource, **condition,
    }  # fmt: skip


def _key(*services: str, topic: str = "", account: str = "") -> dict[str, Any]:
    """A key for services; for one topic only if that is named, by an operator on the account."""
    root = {
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    }  # fmt: skip
    told = {"kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:*:*:{topic}"}
    ours = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    conditions = ({"ArnLike": told} if topic else {}) | ({account: ours} if account else {})
    narrow = {"Condition": conditions} if conditions else {}
    uses = [_admit(f"{name}.amazonaws.com", "kms:*", "*", **narrow) for name in services]
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": _document(root, *uses)}}


def _rule(targets: dict[str, Any], pattern: dict[str, Any], **more: Any) -> dict[str, Any]:
    listed = [{"Id": name, "Arn": arn, **more.get(name, {})} for name, arn in targets.items()]
    properties = {"EventPattern": pattern, "Targets": listed, "State": more.get("state", "ENABLED")}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def _rules() -> dict[str, Any]:
    right = {"source": [SOURCE], "detail": {"n": [{"numeric": ["<", 10]}]}}
    patterns = {
        "Matching": right,
        "OtherSource": right | {"source": ["probe.other"]},
        "OtherDetail": right | {"detail": {"n": [{"numeric": [">", 10]}]}},
        "Disabled": right,
    }
    rules = {}
    for name in RULES:
        said = {"Input": json.dumps({"rule": name})}
        state = "DISABLED" if name == "Disabled" else "ENABLED"
        rules[name] = _rule({"queue": QUEUE}, patterns[name], queue=said, state=state)
    # A rule has five targets at most.
    for number, topics in enumerate((TOPICS[:4], TOPICS[4:])):
        rules[f"ToTopics{number}"] = _rule({name: {"Ref": name} for name in topics}, right)
    return rules


def _topic(name: str, admitted: str) -> dict[str, Any]:
    """A topic, its policy and two subscriptions of which one filters the event out."""
    statement = _admit(admitted, "sns:Publish", {"Ref": name})
    key = {
        "Keyed": "OpenKey", "Sealed": "ClosedKey", "Named": "NamedKey", "Misnamed": "NamedKey",
        "Sourced": "SourcedKey", "SourcedIfSent": "SourcedIfSentKey",
    }.get(name)  # fmt: skip
    encryption = {"KmsMasterKeyId": {"Fn::GetAtt": [key, "Arn"]}} if key else {}
    subscription = {"TopicArn": {"Ref": name}, "Protocol": "sqs", "Endpoint": QUEUE}
    wanting = {"FilterPolicyScope": "MessageBody", "FilterPolicy": {"source": [SOURCE]}}
    other = wanting | {"FilterPolicy": {"source": ["probe.other"]}, "RawMessageDelivery": True}
    return {
        name: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name} | encryption},
        f"{name}Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": name}], "PolicyDocument": _document(statement)},
        },
        f"{name}Wanting": {
            "Type": "AWS::SNS::Subscription", "Properties": subscription | wanting,
        },
        f"{name}Other": {
            "Type": "AWS::SNS::Subscription", "Properties": subscription | other,
        },
    }  # fmt: skip


LETTERS = {"Fn::GetAtt": ["Letters", "Arn"]}
# The one name of a rule, and the one topic, that the dead-letter queue's policy admits.
KNOWN_RULE, KNOWN_TOPIC = "probe-known-rule", "KnownTopic"


def _undeliverable() -> dict[str, Any]:
    """Two rules and two topics whose target refuses them; each knows the same dead-letter queue."""
    right = {"source": [SOURCE], "detail": {"n": [{"numeric": ["<", 10]}]}}
    dead = {"DeadLetterConfig": {"Arn": LETTERS}}
    resources: dict[str, Any] = {
        "Closed": {"Type": "AWS::SQS::Queue"},
        "Letters": {"Type": "AWS::SQS::Queue"},
        "LettersPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Letters"}],
                "PolicyDocument": _document(
                    _from_source("events", f"arn:aws:events:*:*:rule/{KNOWN_RULE}"),
                    _from_source("sns", f"arn:aws:sns:*:*:{KNOWN_TOPIC}"),
                ),
            },
        },
    }
    for name in (KNOWN_RULE, "probe-unknown-rule"):
        logical_id = "".join(word.capitalize() for word in name.split("-"))
        resources[logical_id] = _rule({"t": {"Fn::GetAtt": ["Closed", "Arn"]}}, right, t=dead)
        resources[logical_id]["Properties"]["Name"] = name
    for name in (KNOWN_TOPIC, "UnknownTopic"):
        resources[name] = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}
        resources[f"{name}Closed"] = {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": name}, "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Closed", "Arn"]},
                "RedrivePolicy": {"deadLetterTargetArn": LETTERS},
            },
        }  # fmt: skip
    return resources


def _from_source(service: str, pattern: str) -> dict[str, Any]:
    condition = {"ArnLike": {"aws:SourceArn": pattern}}
    return _admit(f"{service}.amazonaws.com", "sqs:SendMessage", LETTERS, Condition=condition)


def _redriving(tries: int) -> dict[str, Any]:
    dead = {"Fn::GetAtt": ["Dead", "Arn"]}
    redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": tries}
    properties = {"RedrivePolicy": redrive, "VisibilityTimeout": 0}
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def _started() -> dict[str, Any]:
    """A state machine that a rule starts."""
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = {
        "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
        "DefinitionString": json.dumps(definition),
    }
    starter = {"RoleArn": {"Fn::GetAtt": ["Starter", "Arn"]}}
    return {
        "MachineRole": role("states.amazonaws.com"),
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        "Starter": role(
            "events.amazonaws.com", allow(["states:StartExecution"], {"Ref": "Machine"})
        ),
        "Starting": _rule({"t": {"Ref": "Machine"}}, {"source": [SOURCE]}, t=starter),
    }


def _template() -> Template:
    services = ("events.amazonaws.com", "sns.amazonaws.com")
    resources: dict[str, Any] = {
        "Heard": {"Type": "AWS::SQS::Queue"},
        "HeardPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Heard"}],
                "PolicyDocument": _document(
                    *(_admit(name, "sqs:SendMessage", QUEUE) for name in services)
                ),
            },
        },
        "OpenKey": _key("events", "sns"),
        "ClosedKey": _key(),
        "NamedKey": _key("events", topic="Named"),
        "SourcedKey": _key("events", account="StringEquals"),
        "SourcedIfSentKey": _key("events", account="StringEqualsIfExists"),
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Once": _redriving(1),
        "Often": _redriving(5),
        **_undeliverable(),
        **_rules(),
        **_started(),
    }
    for name in TOPICS:
        service = "cloudwatch" if name == "Refused" else "events"
        resources |= _topic(name, f"{service}.amazonaws.com")
    outputs = {name: {"Value": {"Ref": name}} for name in OUTPUTS}
    return {"Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "messages", _template()) as found:
        yield found


def _speaker(body: dict[str, Any]) -> str:
    """The rule or topic a message came through; ``raw`` for the subscription that filters."""
    if "rule" in body:
        return str(body["rule"])
    return str(body["TopicArn"]).rsplit(":", 1)[-1] if "TopicArn" in body else "raw"


@pytest.fixture(scope="module")
def heard(platform: Platform, stack: dict[str, str]) -> list[str]:
    """Who spoke, after two events: the second is there to give the first one's targets time."""
    events, sqs = platform.client("events"), platform.client("sqs")
    speakers: list[str] = []

    def collect(rounds: int) -> bool:
        answer = sqs.receive_message(QueueUrl=stack["Heard"], MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            speakers.append(_speaker(json.loads(message["Body"])))
            sqs.delete_message(QueueUrl=stack["Heard"], ReceiptHandle=message["ReceiptHandle"])
        spoken = [speakers.count(name) for name in EXPECTED]
        return min(spoken) >= rounds and not messages

    for rounds in (1, 2):
        entry = {"Source": SOURCE, "DetailType": "probe", "Detail": json.dumps({"n": 7})}
        assert not events.put_events(Entries=[entry])["FailedEntryCount"]
        wait_for(partial(collect, rounds), 15, "the rule, the topic and the encrypted topics")
    return speakers


@pytest.mark.proves("AWS::Events::Rule")
def test_a_rule_speaks_when_its_pattern_matches_and_it_is_enabled(heard: list[str]) -> None:
    assert {name for name in heard if name in RULES} == {"Matching"}


@pytest.mark.proves("AWS::Events::Rule")
def test_an_execution_that_a_rule_starts_is_named_by_two_ids(
    platform: Platform, stack: dict[str, str], heard: list[str]
) -> None:
    client = platform.client("stepfunctions")
    executions = client.list_executions(stateMachineArn=stack["Machine"])["executions"]
    assert executions
    assert all(re.fullmatch(r"[0-9a-f-]{36}_[0-9a-f-]{36}", e["name"]) for e in executions)


@pytest.mark.proves("AWS::SNS::TopicPolicy")
def test_a_topic_takes_what_its_policy_admits(heard: list[str]) -> None:
    assert "Admitted" in heard
    assert "Refused" not in heard


@pytest.mark.proves("AWS::SNS::Topic", "AWS::KMS::Key")
def test_an_encrypted_topic_takes_what_its_key_admits_too(heard: list[str]) -> None:
    assert "Keyed" in heard
    assert "Sealed" not in heard


@pytest.mark.proves("AWS::SNS::Topic", "AWS::KMS::Key")
def test_a_key_may_admit_a_service_for_one_topic_only(heard: list[str]) -> None:
    assert "Named" in heard
    assert "Misnamed" not in heard


@pytest.mark.proves("AWS::SNS::Topic", "AWS::KMS::Key")
def test_a_key_that_wants_the_account_of_a_rule_is_never_told_it(heard: list[str]) -> None:
    assert "SourcedIfSent" in heard
    assert "Sourced" not in heard


@pytest.mark.proves("AWS::SNS::Subscription")
def test_a_subscription_receives_what_its_filter_lets_through(heard: list[str]) -> None:
    assert "Admitted" in heard
    assert "raw" not in heard


def _letters_of(platform: Platform, queue: str) -> list[tuple[str, str]]:
    """Who a dead letter is from, and why it is one; read for as long as letters come."""
    sqs, found = platform.client("sqs"), []
    request = {"QueueUrl": queue, "WaitTimeSeconds": 2, "MessageAttributeNames": ["All"]}
    while messages := sqs.receive_message(**request).get("Messages"):
        for message in messages:
            facts = message.get("MessageAttributes", {})
            body = json.loads(message["Body"])
            source = facts["RULE_ARN"]["StringValue"] if facts else body["TopicArn"]
            code = facts["ERROR_CODE"]["StringValue"] if facts else body["Type"]
            found.append((source.rsplit("/")[-1].rsplit(":")[-1], code))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.proves("AWS::SQS::QueuePolicy", "AWS::SNS::Subscription", "AWS::Events::Rule")
def test_what_a_target_refuses_is_a_dead_letter_if_the_queue_admits_its_source(
    platform: Platform, stack: dict[str, str], heard: list[str]
) -> None:
    assert heard, "both events were sent"
    for name in (KNOWN_TOPIC, "UnknownTopic"):
        platform.client("sns").publish(TopicArn=stack[name], Message="a message")
    found = _letters_of(platform, stack["Letters"])
    assert found.count((KNOWN_RULE, "NO_PERMISSIONS")) == 2
    assert found.count((KNOWN_TOPIC, "Notification")) == 1
    assert len(found) == 3


@pytest.mark.proves("AWS::SQS::Queue")
def test_a_message_moves_after_as_many_receives_as_the_queue_says(
    platform: Platform, stack: dict[str, str]
) -> None:
    sqs = platform.client("sqs")

    def receive(name: str) -> list[str]:
        answer = sqs.receive_message(QueueUrl=stack[name], MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    for name in ("Once", "Often"):
        sqs.send_message(QueueUrl=stack[name], MessageBody=name)
        assert receive(name) == [name]
    assert receive("Once") == []
    assert receive("Often") == ["Often"]
    assert receive("Dead") == ["Once"]
