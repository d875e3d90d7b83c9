"""Topics and subscriptions."""

from __future__ import annotations

import re

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, policies, refuses

TOPIC, SUBSCRIPTION = "AWS::SNS::Topic", "AWS::SNS::Subscription"
DISPLAY_NAME = 100
# The actions of a topic that its policy may speak of.
_ON_TOPIC = {
    "addpermission", "deletetopic", "getdataprotectionpolicy", "gettopicattributes",
    "listsubscriptionsbytopic", "listtagsforresource", "publish", "putdataprotectionpolicy",
    "receive", "removepermission", "settopicattributes", "subscribe",
}  # fmt: skip
_ENDPOINTS = {
    "email": r"[^@\s]+@[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+",
    "https": r"https://.+",
    "http": r"http://.+",
    "lambda": r"arn:aws[a-z-]*:lambda:.+",
    "sqs": r"arn:aws[a-z-]*:sqs:.+",
    "firehose": r"arn:aws[a-z-]*:firehose:.+",
    "sms": r"\+?\d+",
    "application": r"arn:aws[a-z-]*:sns:.+",
}


@refuses("topic-policy-actions", "AWS::SNS::TopicPolicy")
def _actions(properties: Properties) -> str | None:
    for statement in policies.statements(policies.on_resource(properties)):
        for action in policies.actions(statement):
            service, _, name = action.lower().partition(":")
            if service != "sns" or name not in _ON_TOPIC:
                return f"Policy statement action out of service scope! {action}"
    return None


@refuses("topic-policy-names-its-topic", "AWS::SNS::TopicPolicy")
def _topic(properties: Properties) -> str | None:
    topics = [str(topic) for topic in properties.get("Topics") or []]
    for statement in policies.statements(policies.on_resource(properties)):
        for resource in policies.resources(statement):
            pattern = re.escape(resource).replace(r"\*", ".*")
            if not any(re.fullmatch(pattern, topic) for topic in topics):
                return (
                    f"Invalid parameter: Policy Error: the resource {resource} is none of {topics}"
                )
    return None


@refuses("topic-display-name", TOPIC)
def _display_name(properties: Properties) -> str | None:
    length = len(str(properties.get("DisplayName", "")))
    return f"DisplayName has {length} characters, at most {DISPLAY_NAME}" if length > 100 else None


@refuses("topic-name-form", TOPIC)
def _topic_name(properties: Properties) -> str | None:
    name = properties.get("TopicName")
    if name is None:
        return None
    fifo = truth(properties.get("FifoTopic"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}" + (r"\.fifo" if fifo else ""), str(name)):
        return f"Invalid parameter: Topic Name {name}, which ends with .fifo if FIFO alone"
    return None


@refuses("subscription-endpoint", SUBSCRIPTION)
def _endpoint(properties: Properties) -> str | None:
    protocol, endpoint = properties.get("Protocol"), str(properties.get("Endpoint", ""))
    pattern = _ENDPOINTS.get(str(protocol))
    if pattern is None:
        return f"Invalid parameter: Protocol {protocol}; allowed: {sorted(_ENDPOINTS)}"
    if not re.fullmatch(pattern, endpoint):
        return f"Invalid parameter: Endpoint {endpoint!r} of protocol {protocol}"
    return None


@refuses("subscription-dead-letters", SUBSCRIPTION)
def _dead_letters(properties: Properties) -> str | None:
    redrive = properties.get("RedrivePolicy")
    target = str(redrive.get("deadLetterTargetArn", "")) if isinstance(redrive, dict) else ""
    topic = str(properties.get("TopicArn", ""))
    if not isinstance(redrive, dict):
        return None
    if not re.fullmatch(r"arn:[^:]+:sqs:[^:]+:[^:]+:[^:]+", target):
        return f"Invalid parameter: RedrivePolicy: deadLetterTargetArn {target!r} is no queue's ARN"
    if topic.count(":") == 5 and target.split(":")[3:5] != topic.split(":")[3:5]:
        return f"Invalid parameter: RedrivePolicy: {target} is of another account or Region"
    return None
