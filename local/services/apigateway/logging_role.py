"""API Gateway's logging role: one for an account and Region, without which no stage may log.

``UpdateAccount`` takes only a role that API Gateway may assume and that may write logs. A stage
with an access log, or with a method's logging level, is refused while the account has no such role.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
https://github.com/aws-solutions/virtual-waiting-room-on-aws/issues/74
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator import service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.apigateway_v1"
_SERVICE = "apigateway.amazonaws.com"
_PATH = "/cloudwatchRoleArn"
# What AWS's policy AmazonAPIGatewayPushToCloudWatchLogs grants of what a log needs.
_WRITES = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
UNFIT = (
    "The role ARN does not have required permissions configured. Please grant trust permission for "
    "API Gateway and add the required role policy."
)
MISSING = "CloudWatch Logs role ARN must be set in account settings to enable logging"

pin(
    _MODULE,
    _update_account="callable",
    _get_account="callable",
    _v1_error="callable",
    _update_stage="callable",
)


def _fit(role_arn: str) -> bool:
    from ministack.core.responses import get_account_id, get_region

    groups = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:*"
    try:
        for action in _WRITES:
            service_roles.assert_allowed(role_arn, action, groups, service=_SERVICE)
    except service_roles.AccessDeniedError:
        return False
    return True


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(data: dict[str, Any]) -> Any:
        from ministack.services import apigateway_v1 as api

        given = [p.get("value") for p in data.get("patchOperations", []) if p["path"] == _PATH]
        if any(value and not _fit(value) for value in given):
            return api._v1_error("BadRequestException", UNFIT, 400)
        return original(data)

    return update


def logs(stage: dict[str, Any]) -> bool:
    """Whether a stage's CloudFormation properties ask for an access or an execution log."""
    levels = [method.get("LoggingLevel", "OFF") for method in stage.get("MethodSettings") or []]
    return bool(stage.get("AccessLogSetting")) or any(level != "OFF" for level in levels)


def assert_set() -> None:
    """Raise ``ValueError`` as API Gateway words it unless the account has a logging role."""
    if not _role():
        raise ValueError(f"AWS::ApiGateway::Stage: {MISSING}")


def _role() -> str:
    from ministack.services import apigateway_v1 as api

    return json.loads(api._get_account()[2]).get("cloudwatchRoleArn") or ""


def _patched(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(api_id: str, stage_name: str, data: dict[str, Any]) -> Any:
        from ministack.services import apigateway_v1 as api

        wanted = [
            patch
            for patch in data.get("patchOperations", [])
            if patch.get("op") != "remove"
            and (
                patch["path"].startswith("/accessLogSettings")
                or (patch["path"].endswith("/logging/loglevel") and patch.get("value") != "OFF")
            )
        ]
        if wanted and not _role():
            return api._v1_error("BadRequestException", MISSING, 400)
        return original(api_id, stage_name, data)

    return update


def _guarded(provision: Callable[..., Any]) -> Callable[..., Any]:
    """Create has the properties as its second argument, update as its third."""

    def checked(first: str, second: Any, third: Any, *rest: Any, **named: Any) -> Any:
        if logs(third if isinstance(third, dict) else second):
            assert_set()
        return provision(first, second, third, *rest, **named)

    return checked


def attach(tables: Tables) -> None:
    """Check the role where it is set, and where it is needed."""
    replace(_MODULE, "_update_account", _checked)
    replace(_MODULE, "_update_stage", _patched)
    entry = tables.resource_handlers["AWS::ApiGateway::Stage"]
    entry.update(create=_guarded(entry["create"]), update=_guarded(entry["update"]))
