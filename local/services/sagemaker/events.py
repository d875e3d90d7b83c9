"""State-change events of SageMaker on the default EventBridge bus."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ministack.services import eventbridge

from local.emulator.private_tables import pin

pin("ministack.services.eventbridge", _put_events="callable")
_log = logging.getLogger("millrace.sagemaker")


def publish(detail_type: str, record: Mapping[str, Any], arn: str) -> None:
    """Publish ``record`` (a Describe answer) as AWS does: times in epoch milliseconds.

    Delivery is best effort, as on AWS: a failure is logged and changes nothing else.
    """
    detail = {key: _plain(value) for key, value in record.items() if not key.startswith("_")}
    entry = {
        "Source": "aws.sagemaker",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": [arn],
    }
    try:
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:
        _log.exception("could not publish %s of %s", detail_type, arn)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
