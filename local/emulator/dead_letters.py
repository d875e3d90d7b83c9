"""What EventBridge and SNS cannot deliver reaches its dead-letter queue, sent as AWS sends it.

MiniStack has no dead letters of these services. Here they send as themselves, if the queue's policy
and its key's admit them for this rule or topic. A letter that AWS could not send is lost here as
there, and logged.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.emulator import service_roles
from local.emulator.admission import assert_service_admitted
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.dead_letters")

pin("ministack.services.eventbridge", _pattern_event_view="callable")
pin("ministack.services.sns", _deliver_to_sqs="callable", _topics="scoped")
pin(
    "ministack.services.sqs",
    _ensure_msg_fields="callable",
    _md5_msg_attrs="callable",
    _queue_by_arn="callable",
    queue_policy_allows="callable",
)

SEND = "sqs:SendMessage"
REFUSED = "NO_PERMISSIONS"


def put(
    queue_arn: str,
    body: str,
    facts: Mapping[str, str],
    *,
    numbers: Sequence[str] = (),
    sender: str | None = None,
) -> None:
    """Enqueue as MiniStack's own services do: the permission was decided before."""
    from ministack.services import sqs

    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        raise service_roles.AccessDeniedError("", SEND, queue_arn, "it does not exist")
    attributes = {
        name: {"DataType": "Number" if name in numbers else "String", "StringValue": value}
        for name, value in facts.items()
        if value
    }
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "message_attributes": attributes,
        "md5_attrs": sqs._md5_msg_attrs(attributes),
    }
    sqs._ensure_msg_fields(message)
    message["sys"]["SenderId"] = sender or message["sys"]["SenderId"]
    queue["messages"].append(message)


def _send_as_service(
    service: str, queue_arn: str, source_arn: str, body: str, facts: Mapping[str, str]
) -> None:
    try:
        assert_service_admitted(service, SEND, queue_arn, source_arn)
        put(queue_arn, body, facts)
    except service_roles.AccessDeniedError as error:
        logger.error("%s: its dead letter was lost: %s", source_arn, error)


def keep_event(
    target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str, error: Exception
) -> None:
    """Send an event whose target refused EventBridge to the target's dead-letter queue, if any."""
    from ministack.services import eventbridge

    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    facts = {
        "ERROR_CODE": REFUSED,
        "ERROR_MESSAGE": str(error),
        "RULE_ARN": rule_arn,
        "TARGET_ARN": str(target["Arn"]),
    }
    body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    _send_as_service("events.amazonaws.com", queue_arn, rule_arn, body, facts)


def _redriven(original: Callable[..., None]) -> Callable[..., None]:
    """A queue that is gone, or does not admit the topic, is a failed delivery."""

    def deliver(endpoint: str, envelope: str, raw: bool, message: str, **rest: Any) -> None:
        from ministack.core.responses import get_account_id
        from ministack.services import sqs

        topic, service = rest.get("topic_arn", ""), "sns.amazonaws.com"
        queue_arn = _redrive_queue(topic, endpoint)
        reached = sqs._queue_by_arn(endpoint) is not None and sqs.queue_policy_allows(
            endpoint, service, topic, get_account_id()
        )
        if reached or not queue_arn:
            original(endpoint, envelope, raw, message, **rest)
            return
        _send_as_service(service, queue_arn, topic, message if raw else envelope, {})

    return deliver


def _redrive_queue(topic_arn: str, endpoint: str) -> str | None:
    from ministack.services import sns

    for subscription in (sns._topics.get(topic_arn) or {}).get("subscriptions", []):
        policy = (subscription.get("attributes") or {}).get("RedrivePolicy")
        if subscription.get("endpoint") == endpoint and policy:
            stated = json.loads(policy) if isinstance(policy, str) else policy
            return str(stated["deadLetterTargetArn"])
    return None


def attach(_tables: Tables) -> None:
    """Send what a topic's subscriber did not take. Rules: ``local.emulator.dispatchers``."""
    replace("ministack.services.sns", "_deliver_to_sqs", _redriven)
