"""EventBridge Scheduler's deliveries: a signed API call under the schedule's own role.

MiniStack decides when a schedule is due, but hands its target to EventBridge, which knows no
universal targets (``arn:aws:scheduler:::aws-sdk:glue:startJobRun``), roles or dead-letter queues.
Here each delivery, templated or universal, is the request the service itself would make, enforced
by the role's policies; what cannot be delivered goes to the schedule's dead-letter queue.

Which errors Scheduler retries is not documented. Denials, missing resources and invalid requests,
which waiting cannot mend, are not retried here; everything else is, as the retry policy says.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from local.emulator import sdk_calls, service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.schedules")

pin("ministack.services.eventbridge", _invoke_target="callable")
pin("ministack.services.scheduler", _SCHEDULE_TICK_INTERVAL=int)

PRINCIPAL = "scheduler.amazonaws.com"
SOURCE = "aws.scheduler"
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
# Scheduler's own defaults: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
MOST_RETRIES, OLDEST_SECONDS = 185, 86400
LONGEST_PAUSE_SECONDS = 60
TICK_SECONDS = 1
_FINAL = ("AccessDenied", "NotFound", "NotExist", "Validation", "Invalid", "NonExistent")

Call = tuple[str, str, dict[str, Any]]
_stopping = threading.Event()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One due occurrence of a schedule."""

    schedule: str
    target: Mapping[str, Any]
    started: float = field(default_factory=time.time)
    execution: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def time(self) -> str:
        """When it was due, ISO 8601 UTC."""
        return datetime.fromtimestamp(self.started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def payload(self, attempt: int) -> str:
        """The target's input with Scheduler's context attributes filled in."""
        text = str(self.target.get("Input") or self._default())
        for name, value in (
            ("schedule-arn", self.schedule),
            ("scheduled-time", self.time),
            ("execution-id", self.execution),
            ("attempt-number", str(attempt)),
        ):
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def _default(self) -> str:
        return json.dumps(
            {
                "version": "0", "id": self.execution, "detail-type": "Scheduled Event",
                "source": SOURCE, "account": self.schedule.split(":")[4], "time": self.time,
                "region": self.schedule.split(":")[3], "resources": [self.schedule],
                "detail": "{}",
            }
        )  # fmt: skip


def call_of(target: Mapping[str, Any], payload: str) -> Call:
    """Botocore service, operation name and arguments of a target.

    Raises ``UnknownCallError`` for a universal target that names no API call, and for a templated
    target of a service that is not delivered to here.
    """
    arn = str(target["Arn"])
    if arn.startswith(UNIVERSAL):
        sdk_name, _, action = arn.removeprefix(UNIVERSAL).partition(":")
        service = sdk_calls.botocore_service(sdk_name)
        model = sdk_calls.operation(service, action)
        return service, model.name, sdk_calls.request_for(model.input_shape, json.loads(payload))
    namespace = arn.split(":")[2]
    if namespace not in _TEMPLATED:
        raise sdk_calls.UnknownCallError(f"a target of {namespace} is not delivered locally")
    return _TEMPLATED[namespace](arn, payload, target)


def _queue_url(arn: str) -> str:
    _, _, _, region, account, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _message(arn: str, payload: str, target: Mapping[str, Any]) -> Call:
    extra = dict(target.get("SqsParameters") or {})
    return "sqs", "SendMessage", {"QueueUrl": _queue_url(arn), "MessageBody": payload, **extra}


def _event(arn: str, payload: str, target: Mapping[str, Any]) -> Call:
    entry = {"EventBusName": arn, "Detail": payload, **(target.get("EventBridgeParameters") or {})}
    return "events", "PutEvents", {"Entries": [entry]}


_TEMPLATED: dict[str, Callable[[str, str, Mapping[str, Any]], Call]] = {
    "lambda": lambda arn, payload, _: (
        "lambda",
        "Invoke",
        {"FunctionName": arn, "InvocationType": "Event", "Payload": payload},
    ),
    "states": lambda arn, payload, _: (
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": arn, "input": payload},
    ),
    "sns": lambda arn, payload, _: ("sns", "Publish", {"TopicArn": arn, "Message": payload}),
    "sqs": _message,
    "events": _event,
}


def deliver(delivery: Delivery) -> None:
    """Make the call, retry what waiting may mend, and hand the rest to the dead-letter queue."""
    policy = delivery.target.get("RetryPolicy") or {}
    retries = int(policy.get("MaximumRetryAttempts", MOST_RETRIES))
    oldest = int(policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS))
    for attempt in range(retries + 1):
        code, reason, final = _attempt(delivery, attempt + 1)
        if not code:
            return
        logger.warning("%s not delivered: %s: %s", delivery.schedule, code, reason)
        pause = min(2**attempt, LONGEST_PAUSE_SECONDS)
        too_old = time.time() + pause - delivery.started > oldest
        if final or attempt == retries or too_old or _stopping.wait(pause):
            exhausted = "MaximumEventAgeInSeconds" if too_old else "MaximumRetryAttempts"
            _bury(delivery, code, reason, attempt, "" if final else exhausted)
            return


def _attempt(delivery: Delivery, number: int) -> tuple[str, str, bool]:
    """Error code (empty: delivered), message, and whether trying again is pointless."""
    role = str(delivery.target.get("RoleArn", ""))
    try:
        service, name, arguments = call_of(delivery.target, delivery.payload(number))
        client = service_roles.client_as(role, service, PRINCIPAL)
        answer = client._make_api_call(name, arguments)
        if answer.get("FailedEntryCount"):
            return "InternalFailure", json.dumps(answer["Entries"]), False
    except ClientError as error:
        code = str(error.response["Error"].get("Code", ""))
        return code or "Unknown", str(error), any(word in code for word in _FINAL)
    except service_roles.AccessDeniedError as error:
        return "AccessDeniedException", str(error), True
    except (sdk_calls.UnknownCallError, ParamValidationError, ValueError) as error:
        return "ValidationException", str(error), True
    except BotoCoreError as error:
        return type(error).__name__, str(error), False
    return "", "", False


def _bury(delivery: Delivery, code: str, reason: str, retried: int, exhausted: str) -> None:
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue or _stopping.is_set():
        return
    facts = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": reason,
        "EXECUTION_ID": delivery.execution,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(retried),
        "SCHEDULED_TIME": delivery.time,
        "SCHEDULE_ARN": delivery.schedule,
        "TARGET_ARN": str(delivery.target["Arn"]),
    }
    attributes = {
        key: {"DataType": "String", "StringValue": value} for key, value in facts.items() if value
    }
    try:
        service_roles.client_as(str(delivery.target["RoleArn"]), "sqs", PRINCIPAL).send_message(
            QueueUrl=_queue_url(queue),
            MessageBody=delivery.payload(retried + 1),
            MessageAttributes=attributes,
        )
    except (ClientError, BotoCoreError, service_roles.AccessDeniedError) as error:
        logger.error("%s: its dead letter was lost: %s", delivery.schedule, error)


def _as_the_service(original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(target: dict[str, Any], event: dict[str, Any], rule: Any, *rest: Any) -> Any:
        if event.get("Source") != SOURCE or "ScheduleExpression" not in (rule or {}):
            return original(target, event, rule, *rest)
        delivery = Delivery(schedule=str(rule["Arn"]), target=dict(target))
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(deliver, delivery), name="schedule", daemon=True
        ).start()
        return None

    return invoke


def attach(tables: Tables) -> None:
    """Deliver what is due ourselves, and look for it every second."""
    from ministack.services import scheduler

    replace("ministack.services.eventbridge", "_invoke_target", _as_the_service)
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
    tables.on_shutdown(_stopping.set)
