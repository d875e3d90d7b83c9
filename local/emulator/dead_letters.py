"""What cannot be delivered or processed reaches its dead-letter queue, sent as AWS sends it.

MiniStack has no dead letters of EventBridge and SNS, drops ``DeadLetterConfig`` from a template's
functions, and calls a rule's function once, whatever it answers. Here a rule's function is invoked
asynchronously, with retries; EventBridge and SNS send as themselves, if the queue's policy and its
key's admit them for this rule or topic; Lambda sends with the function's role. A letter that AWS
could not send is lost here as there, and logged.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import key_policies, service_roles
from local.emulator.admission import assert_service_admitted
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.dead_letters")

_LAMBDA, _EVENTS = "ministack.services.lambda_svc", "ministack.services.eventbridge"
pin(
    _LAMBDA,
    _execute_function_warm="callable",
    _execution_record_for_config="callable",
    _functions="scoped",
    _get_func_record_for_ref="callable",
    _route_async_failure="callable",
    invoke_async_with_retry="callable",
)
pin(_EVENTS, _dispatch_to_lambda="callable", _pattern_event_view="callable")
pin("ministack.services.sns", _deliver_to_sqs="callable", _topics="scoped")
pin(
    "ministack.services.sqs",
    _act_send_message="callable",
    _queue_by_arn="callable",
    queue_policy_allows="callable",
)

SEND = "sqs:SendMessage"
LAMBDA = "lambda.amazonaws.com"
# Lambda's answer is 200 if the function ran and failed; it cuts the function's message.
FAILED, THROTTLED, LONGEST_MESSAGE = "200", "429", 1024
REFUSED = "NO_PERMISSIONS"


def _put(queue_arn: str, body: str, facts: Mapping[str, str], numbers: tuple[str, ...] = ()) -> str:
    """Enqueue; the permission was decided before. Gives the message's id."""
    from ministack.services import sqs

    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        raise service_roles.AccessDeniedError("", SEND, queue_arn, "it does not exist")
    attributes = {
        name: {"DataType": "Number" if name in numbers else "String", "StringValue": value}
        for name, value in facts.items()
        if value
    }
    message = {"QueueUrl": queue["url"], "MessageBody": body, "MessageAttributes": attributes}
    return str(sqs._act_send_message(message, queue["url"])["MessageId"])


def _send_as_service(
    service: str, queue_arn: str, source_arn: str, body: str, facts: Mapping[str, str]
) -> None:
    try:
        assert_service_admitted(service, SEND, queue_arn, source_arn)
        _put(queue_arn, body, facts)
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


def _asynchronously(original: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """A rule invokes its function as an event: retried, and dead-lettered in the end."""

    def dispatch(arn: str, payload: str) -> None:
        from ministack.services import lambda_svc

        record, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if not record or not config:
            original(arn, payload)
            return
        function = lambda_svc._execution_record_for_config(record, config)
        lambda_svc.invoke_async_with_retry(function, json.loads(payload))

    return dispatch


def _with_request(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The dead letter names the request whose log tells more."""

    def execute(function: Any, event: Any, request_id: str, *rest: Any) -> dict[str, Any]:
        return {**original(function, event, request_id, *rest), "request_id": request_id}

    return execute


def _destination(record: Mapping[str, Any]) -> str | None:
    configs = record.get("event_invoke_configs") or {}
    config = record.get("event_invoke_config") or configs.get("$LATEST") or {}
    arn = ((config.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    return str(arn) if arn else None


def _to_both(original: Callable[..., None]) -> Callable[..., None]:
    """Lambda sends to the dead-letter queue and to the destination: each has its own form."""

    def route(target_arn: str, function: str, event: Any, result: dict[str, Any]) -> None:
        from ministack.services import lambda_svc

        record = lambda_svc._functions[function]
        letters = (record["config"].get("DeadLetterConfig") or {}).get("TargetArn", "")
        if ":sqs:" not in letters:
            original(target_arn, function, event, result)
            return
        _send_failed_event(record["config"], letters, event, result)
        destination = _destination(record)
        if destination:
            original(destination, function, event, result)

    return route


def _send_failed_event(
    config: Mapping[str, Any], queue_arn: str, event: Any, result: Mapping[str, Any]
) -> None:
    from ministack.core.responses import get_region

    answer = result.get("body")
    message = answer.get("errorMessage", "") if isinstance(answer, dict) else ""
    facts = {
        "RequestID": str(result.get("request_id", "")),
        "ErrorCode": THROTTLED if result.get("throttle") else FAILED,
        "ErrorMessage": str(message)[:LONGEST_MESSAGE],
    }
    try:
        service_roles.assert_allowed(config["Role"], SEND, queue_arn, service=LAMBDA)
        key_policies.assert_service_role_may_use_key(
            config["Role"], SEND, queue_arn, get_region(), service=LAMBDA
        )
        _put(queue_arn, json.dumps(event), facts, numbers=("ErrorCode",))
    except service_roles.AccessDeniedError as error:
        logger.error("%s: its dead letter was lost: %s", config["FunctionName"], error)


def _keeping_letters(provision: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ``DeadLetterConfig`` at creation and update; Lambda refuses a role that may not send.

    The properties are the second of a creation's arguments and the third of an update's.
    """

    def keep(first: str, second: dict[str, Any], third: Any, *rest: Any, **named: Any) -> Any:
        from ministack.services import lambda_svc

        props = third if isinstance(third, dict) else second
        letters = props.get("DeadLetterConfig") or {}
        queue_arn = letters.get("TargetArn", "")
        if ":sqs:" in queue_arn:
            try:
                service_roles.assert_allowed(props["Role"], SEND, queue_arn, service=LAMBDA)
            except service_roles.AccessDeniedError as error:
                raise ValueError(
                    "The provided execution role does not have permissions to call SendMessage "
                    f"on SQS: {error}"
                ) from error
        name, attributes = provision(first, second, third, *rest, **named)
        config = lambda_svc._functions[name]["config"]
        config.pop("DeadLetterConfig", None)
        if queue_arn:
            config["DeadLetterConfig"] = letters
        return name, attributes

    return keep


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


def attach(tables: Tables) -> None:
    """Keep what templates say, invoke as AWS does, and send what failed."""
    entry = tables.resource_handlers["AWS::Lambda::Function"]
    entry.update(create=_keeping_letters(entry["create"]), update=_keeping_letters(entry["update"]))
    replace(_LAMBDA, "_execute_function_warm", _with_request)
    replace(_LAMBDA, "_route_async_failure", _to_both)
    replace(_EVENTS, "_dispatch_to_lambda", _asynchronously)
    replace("ministack.services.sns", "_deliver_to_sqs", _redriven)
