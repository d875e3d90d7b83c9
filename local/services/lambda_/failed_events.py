"""Events on which a function fails: retried, then sent to its dead-letter queue with its role.

MiniStack drops ``DeadLetterConfig`` from a template's functions, calls a rule's function once,
whatever it answers, and sends to the destination or to the queue what AWS sends to both: a record
of the invocation to the destination, the event with the error as attributes to the queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import dead_letters, role_trust, service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.kms import key_policies
from local.services.lambda_ import properties

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
pin(_EVENTS, _dispatch_to_lambda="callable")

LAMBDA = "lambda.amazonaws.com"
# Lambda's answer is 200 if the function ran and failed; it cuts the function's message.
FAILED, THROTTLED, LONGEST_MESSAGE = "200", "429", 1024


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
        service_roles.assert_allowed(config["Role"], dead_letters.SEND, queue_arn, service=LAMBDA)
        key_policies.assert_service_role_may_use_key(
            config["Role"], dead_letters.SEND, queue_arn, get_region(), service=LAMBDA
        )
        dead_letters.put(
            queue_arn,
            json.dumps(event),
            facts,
            numbers=["ErrorCode"],
            sender=f"{_role_id(config['Role'])}:{config['FunctionName']}",
        )
    except service_roles.AccessDeniedError as error:
        logger.error("%s: its dead letter was lost: %s", config["FunctionName"], error)


def _role_id(role_arn: str) -> str:
    from ministack.services import iam

    name = role_trust.role_name(role_arn)
    return str(iam._roles.get_scoped(role_arn.split(":")[4], None, name)["RoleId"])


def _letters(props: dict[str, Any]) -> str:
    """ARN of the dead-letter queue that a function's properties name, or nothing."""
    arn = str((props.get("DeadLetterConfig") or {}).get("TargetArn", ""))
    return arn if ":sqs:" in arn else ""


def _keep_letters(config: dict[str, Any], props: dict[str, Any]) -> None:
    config.pop("DeadLetterConfig", None)
    if props.get("DeadLetterConfig"):
        config["DeadLetterConfig"] = props["DeadLetterConfig"]


def attach(tables: Tables) -> None:
    """Keep what templates say, invoke as AWS does, and send what failed."""
    properties.keep(tables, _keep_letters)
    replace(_LAMBDA, "_execute_function_warm", _with_request)
    replace(_LAMBDA, "_route_async_failure", _to_both)
    replace(_EVENTS, "_dispatch_to_lambda", _asynchronously)
