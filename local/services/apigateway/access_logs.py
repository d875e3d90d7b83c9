"""A stage's access log: one line for each request, in the stage's own format.

Written for every answer, those of the web ACL and of failed authentication included, as on AWS. A
variable that is not known here is ``-``.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import contextvars
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.emulator import iam_recorder
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

STREAM = "access"
_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")
# The gateway response that the request at hand was refused with.
_refusal: contextvars.ContextVar[str] = contextvars.ContextVar("api_refusal", default="-")

pin("ministack.app", _handle_execute_api_request="callable", _parse_execute_api_url="callable")
pin(
    "ministack.services.apigateway_v1",
    stages_for_api="callable",
    _match_resource_tree="callable",
    _gateway_error_response="callable",
)
pin(
    "ministack.services.cloudwatch_logs",
    _log_groups="scoped",
    _create_log_stream="callable",
    _put_log_events="callable",
)


def render(line_format: str, values: dict[str, str]) -> str:
    """The format with each ``$context.<name>`` replaced by its value."""
    return _VARIABLE.sub(lambda found: values.get(found[1].rstrip("."), "-"), line_format)


def _write(destination: str, line: str) -> None:
    from ministack.services import cloudwatch_logs

    group = destination.rsplit(":log-group:", maxsplit=1)[-1].removesuffix(":*")
    if group not in cloudwatch_logs._log_groups:
        return
    place = {"logGroupName": group, "logStreamName": STREAM}
    cloudwatch_logs._create_log_stream(place)
    event = {"timestamp": int(time.time() * 1000), "message": line}
    cloudwatch_logs._put_log_events({**place, "logEvents": [event]})


def _known(
    place: tuple[str, str, str], method: str, answer: tuple[int, Any, bytes], seconds: float
) -> dict[str, str]:
    from ministack.core.responses import get_request_client_ip
    from ministack.services import apigateway_v1 as api

    api_id, stage_name, path = place
    status, headers, body = answer
    named = {str(key).lower(): value for key, value in (headers or {}).items()}
    resource, _ = api._match_resource_tree(api_id, [part for part in path.split("/") if part])
    caller = getattr(iam_recorder.current_principal(), "arn", None)
    identifier = str(named.get("x-amzn-requestid") or uuid.uuid4())
    now = datetime.now(UTC)
    return {
        "requestId": identifier,
        "extendedRequestId": identifier,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "requestTimeEpoch": str(int(now.timestamp() * 1000)),
        "identity.sourceIp": get_request_client_ip(),
        "identity.userArn": caller or "-",
        "apiId": api_id,
        "stage": stage_name,
        "path": f"/{stage_name}{path}",
        "httpMethod": method,
        "resourcePath": (resource or {}).get("path", "-"),
        "status": str(status),
        "responseLength": str(len(body or b"")),
        "responseLatency": str(int(seconds * 1000)),
        "error.responseType": _refusal.get(),
    }


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    def respond(error: Any, request: Any) -> Any:
        _refusal.set(error.response_type)
        return original(error, request)

    return respond


def _logged(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(host: str, path: str, method: str, *rest: Any, **keywords: Any) -> Any:
        from ministack import app
        from ministack.services import apigateway_v1 as api

        started = time.monotonic()
        _refusal.set("-")
        answer = await original(host, path, method, *rest, **keywords)
        place = app._parse_execute_api_url(host, path)
        stage = api.stages_for_api(place[0]).get(place[1]) if place else None
        setting = (stage or {}).get("accessLogSettings") or {}
        if setting.get("destinationArn") and isinstance(answer, tuple):
            known = _known(place, method, answer, time.monotonic() - started)
            _write(setting["destinationArn"], render(setting.get("format", ""), known))
        return answer

    return handle


def attach(_tables: Tables) -> None:
    """Log what is answered, whoever answers."""
    replace("ministack.services.apigateway_v1", "_gateway_error_response", _noting)
    replace("ministack.app", "_handle_execute_api_request", _logged)
