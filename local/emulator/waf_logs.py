"""Decisions of a web ACL, written to the log group that its logging configuration names.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin

Created = tuple[str, dict[str, Any]]

STREAM = "web-acl"
LOG_GROUP_PREFIX = "aws-waf-logs-"

pin(
    "ministack.services.cloudwatch_logs",
    _log_groups="scoped",
    _create_log_stream="callable",
    _put_log_events="callable",
)

_groups: dict[str, str] = {}


def write(acl_arn: str, action: str, rule: str, request: dict[str, Any]) -> None:
    """Append one decision; an ACL without a logging configuration keeps silent.

    ``request`` is the ``httpRequest`` member: method, uri and client address, never headers or
    body, which may hold what the configuration redacts.
    """
    from ministack.services import cloudwatch_logs

    group = _groups.get(acl_arn)
    if group is None or group not in cloudwatch_logs._log_groups:
        return
    now = int(time.time() * 1000)
    line = {
        "timestamp": now,
        "formatVersion": 1,
        "webaclId": acl_arn,
        "terminatingRuleId": rule,
        "action": action.upper(),
        "httpSourceName": "APIGW",
        "httpRequest": request,
    }
    place = {"logGroupName": group, "logStreamName": STREAM}
    cloudwatch_logs._create_log_stream(place)
    events = [{"timestamp": now, "message": json.dumps(line)}]
    cloudwatch_logs._put_log_events({**place, "logEvents": events})


def _configure(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    (destination,) = props["LogDestinationConfigs"]
    group = destination.split(":log-group:")[-1].removesuffix(":*")
    if not group.startswith(LOG_GROUP_PREFIX):
        raise ValueError(
            f"AWS::WAFv2::LoggingConfiguration: the log group is {group!r}; its name has to start "
            f"with {LOG_GROUP_PREFIX!r}"
        )
    _groups[props["ResourceArn"]] = group
    return props["ResourceArn"], {}


def _reconfigure(
    _physical: str, _old: dict[str, Any], new: dict[str, Any], stack: str, _logical: str | None
) -> Created:
    return _configure("", new, stack)


def _forget(physical_id: str, _props: dict[str, Any]) -> None:
    _groups.pop(physical_id, None)


def types() -> list[ResourceType]:
    """The type of this module."""
    return [
        ResourceType(
            "AWS::WAFv2::LoggingConfiguration",
            _configure,
            _forget,
            update=_reconfigure,
            create_only=frozenset({"ResourceArn"}),
        )
    ]
