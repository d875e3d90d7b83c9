"""Delivery errors in the log stream that ``CloudWatchLoggingOptions`` names.

As Firehose does it: written with the delivery role, and lost without a word when the role may not
write or the log stream does not exist.

https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from typing import Any

from local.emulator import service_roles
from local.emulator.private_tables import pin
from local.services.firehose.config import Output, truth
from local.services.firehose.deliver import StreamIdentity

logger = logging.getLogger("millrace.firehose")

pin("ministack.services.cloudwatch_logs", _put_log_events="callable", _log_groups="scoped")


def write_error(error: Exception) -> str:
    """Firehose's code for an object that could not be written."""
    denied = isinstance(error, service_roles.AccessDeniedError)
    return "S3.AccessDenied" if denied else "S3.InternalError"


def write(output: Output, identity: StreamIdentity, errors: Iterable[tuple[str, str]]) -> None:
    """Log each distinct ``(code, message)`` of one batch once; whatever happens, records go on."""
    options = output.raw.get("CloudWatchLoggingOptions") or {}
    distinct = dict.fromkeys(errors)
    if not distinct or not truth(options.get("Enabled")):
        return
    try:
        _write(output, identity, options, distinct)
    except Exception:
        logger.exception("firehose %s could not log", identity.name)


def _write(
    output: Output,
    identity: StreamIdentity,
    options: dict[str, Any],
    distinct: Iterable[tuple[str, str]],
) -> None:
    group, stream = options["LogGroupName"], options["LogStreamName"]
    base = f"arn:aws:logs:{identity.region}:{identity.account}:log-group:{group}"
    if not service_roles.allowed(
        output.role_arn,
        "logs:PutLogEvents",
        f"{base}:log-stream:{stream}",
        service="firehose.amazonaws.com",
    ):
        return
    from ministack.services import cloudwatch_logs

    now = int(time.time() * 1000)
    events = [
        {"timestamp": now, "message": _document(output, identity, code, message)}
        for code, message in distinct
    ]
    place = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._put_log_events({**place, "logEvents": events})


def _document(output: Output, identity: StreamIdentity, code: str, message: str) -> str:
    return json.dumps(
        {
            "deliveryStreamARN": identity.arn,
            "destination": output.bucket_arn,
            "deliveryStreamVersionId": identity.version,
            "message": message,
            "errorCode": code,
        }
    )
