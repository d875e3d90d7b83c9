"""Decisions of a web ACL, written to the log group that its logging configuration names.

A line holds the request as the service logs it: address, method, path, query string and every
header, but for the fields that the configuration redacts. A body is never logged.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
"""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin

Created = tuple[str, dict[str, Any]]

STREAM = "web-acl"
REDACTED = "REDACTED"
# Field of a configuration → member of ``httpRequest``.
REDACTABLE = {"Method": "httpMethod", "QueryString": "args", "UriPath": "uri"}
SINGLE_HEADER = "SingleHeader"

pin(
    "ministack.services.cloudwatch_logs",
    _log_groups="scoped",
    _create_log_stream="callable",
    _put_log_events="callable",
)


class _Configuration(NamedTuple):
    group: str
    members: frozenset[str]
    """Redacted members of ``httpRequest``."""
    headers: frozenset[str]
    """Redacted headers, in lower case."""


_configurations: dict[str, _Configuration] = {}


def write(acl_arn: str, action: str, rule: str, request: dict[str, Any]) -> None:
    """Append one decision; an ACL without a logging configuration keeps silent.

    ``request`` is the ``httpRequest`` member as it came; headers are pairs of name and value.
    """
    from ministack.services import cloudwatch_logs

    configuration = _configurations.get(acl_arn)
    if configuration is None or configuration.group not in cloudwatch_logs._log_groups:
        return
    now = int(time.time() * 1000)
    line = {
        "timestamp": now,
        "formatVersion": 1,
        "webaclId": acl_arn,
        "terminatingRuleId": rule,
        "action": action.upper(),
        "httpSourceName": "APIGW",
        "httpRequest": _redacted(request, configuration),
    }
    place = {"logGroupName": configuration.group, "logStreamName": STREAM}
    cloudwatch_logs._create_log_stream(place)
    events = [{"timestamp": now, "message": json.dumps(line)}]
    cloudwatch_logs._put_log_events({**place, "logEvents": events})


def _configure(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    (destination,) = props["LogDestinationConfigs"]
    group = destination.split(":log-group:")[-1].removesuffix(":*")
    members, headers = set(), set()
    for field in props.get("RedactedFields") or []:
        (kind,) = field
        if kind == SINGLE_HEADER:
            headers.add(field[kind]["Name"].lower())
        else:
            members.add(REDACTABLE[kind])
    _configurations[props["ResourceArn"]] = _Configuration(
        group, frozenset(members), frozenset(headers)
    )
    return props["ResourceArn"], {}


def _redacted(request: dict[str, Any], configuration: _Configuration) -> dict[str, Any]:
    kept = {
        name: REDACTED if name in configuration.members else value
        for name, value in request.items()
    }
    kept["headers"] = [
        {"name": name, "value": REDACTED if name.lower() in configuration.headers else value}
        for name, value in request["headers"]
    ]
    return kept


def _reconfigure(
    _physical: str, _old: dict[str, Any], new: dict[str, Any], stack: str, _logical: str | None
) -> Created:
    return _configure("", new, stack)


def _forget(physical_id: str, _props: dict[str, Any]) -> None:
    _configurations.pop(physical_id, None)


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
