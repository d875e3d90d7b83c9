"""The transform Lambda: batches in, one verdict per record out.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html and, for the error codes,
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.emulator import service_roles
from local.services.firehose.config import LambdaProcessor

SERVICE = "firehose.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the producer sent it; ``arrived`` is epoch seconds."""

    id: str
    data: bytes
    arrived: float


@dataclass(frozen=True, slots=True)
class Transformed:
    """A record the Lambda (or no Lambda) released for delivery."""

    record: Record
    data: bytes
    keys: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A record for the error prefix, with Firehose's own code and message."""

    record: Record
    output_type: str
    code: str
    message: str
    attempts: int = 1
    function_arn: str | None = None
    transformed: bytes | None = None
    """What the function returned, where the record failed after it; else its original counts."""

    @property
    def data(self) -> bytes:
        """The record as it was when it failed."""
        return self.record.data if self.transformed is None else self.transformed


@dataclass(slots=True)
class Verdicts:
    """What became of a batch; every record is in exactly one of the three."""

    released: list[Transformed] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    dropped: int = 0


class InvocationError(RuntimeError):
    """The function could not be invoked, failed, or answered in a form Firehose refuses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def transform(
    stream_arn: str,
    region: str,
    role_arn: str,
    processor: LambdaProcessor,
    batch: list[Record],
    *,
    pause: float = 0.2,
) -> Verdicts:
    """Invoke the function with a batch, retrying as configured.

    A batch whose every attempt failed goes to the error prefix whole. ``pause`` seconds pass
    between attempts.
    """
    event = _event(stream_arn, region, batch)
    attempts, last = 0, InvocationError("Lambda.FunctionError", "not invoked")
    while attempts <= processor.retries:
        attempts += 1
        try:
            answered = _invoke(role_arn, processor.function_arn, event)
            return _read(answered, batch, processor.function_arn)
        except InvocationError as error:
            last = error
            if error.code == "Lambda.InvokeAccessDenied":
                break
            time.sleep(pause)
    failures = [
        Failure(r, "processing-failed", last.code, str(last), attempts, processor.function_arn)
        for r in batch
    ]
    return Verdicts(failed=failures)


def _event(stream_arn: str, region: str, batch: list[Record]) -> dict[str, Any]:
    return {
        "invocationId": str(uuid.uuid4()),
        "deliveryStreamArn": stream_arn,
        "region": region,
        "records": [
            {
                "recordId": record.id,
                "approximateArrivalTimestamp": int(record.arrived * 1000),
                "data": base64.b64encode(record.data).decode(),
            }
            for record in batch
        ],
    }


def _invoke(role_arn: str, function_arn: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    from ministack.services import lambda_svc

    try:
        service_roles.assert_allowed(
            role_arn, "lambda:InvokeFunction", function_arn, service=SERVICE
        )
    except service_roles.AccessDeniedError as error:
        raise InvocationError("Lambda.InvokeAccessDenied", str(error)) from error
    function, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if function is None or config is None:
        raise InvocationError("Lambda.FunctionNotFound", f"Function {name} does not exist")
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    if result.get("error"):
        raise InvocationError(
            "Lambda.FunctionError", f"The Lambda function failed: {result.get('body')}"[:1000]
        )
    body = result.get("body")
    try:
        answer = json.loads(body) if isinstance(body, str | bytes) else body
        return list(answer["records"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvocationError(
            "Lambda.JsonProcessingException", "The function's answer has no list `records`"
        ) from error


def _read(answers: list[dict[str, Any]], batch: list[Record], function_arn: str) -> Verdicts:
    by_id: dict[str, dict[str, Any]] = {}
    for answer in answers:
        if answer.get("recordId") in by_id:
            raise InvocationError("Lambda.DuplicatedRecordId", "A record id was returned twice")
        by_id[str(answer.get("recordId"))] = answer
    missing = [record.id for record in batch if record.id not in by_id]
    if missing:
        raise InvocationError(
            "Lambda.MissingRecordId", f"{len(missing)} record ids were not returned"
        )
    verdicts = Verdicts()
    for record in batch:
        _judge(record, by_id[record.id], function_arn, verdicts)
    return verdicts


def _judge(record: Record, answer: dict[str, Any], function_arn: str, verdicts: Verdicts) -> None:
    result = answer.get("result")
    if result == "Dropped":
        verdicts.dropped += 1
        return
    code, message = "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
    if result == "Ok":
        try:
            data = base64.b64decode(answer["data"], validate=True)
        except (KeyError, ValueError):
            code, message = "Lambda.JsonProcessingException", "`data` is not base64"
        else:
            metadata = answer.get("metadata") or {}
            keys = metadata.get("partitionKeys")
            named = {str(k): str(v) for k, v in keys.items()} if keys else None
            verdicts.released.append(Transformed(record, data, named))
            return
    elif result != "ProcessingFailed":
        message = f"Unknown result {result!r}"
    verdicts.failed.append(Failure(record, "processing-failed", code, message, 1, function_arn))
