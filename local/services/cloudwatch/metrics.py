"""Metrics that AWS services publish by themselves, and those that functions log.

MiniStack keeps a metric store; what is missing are the publishers the alarms of a real account
rely on: ``AWS/Firehose``, ``AWS/States``, ``AWS/ApiGateway`` and the embedded metric format
(EMF), in which a function's log line carries its metrics.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.metrics")

pin(
    "ministack.services.cloudwatch",
    record_metric="callable",
    _metrics="scoped",
    _store_datum="callable",
)
pin("ministack.app", _handle_execute_api_request="callable", _parse_execute_api_url="callable")
pin("ministack.services.apigateway_v1", _rest_apis="scoped")
pin(
    "ministack.services.lambda_svc",
    _emit_lambda_logs="callable",
    _emit_lambda_metrics="callable",
    _execute_function_dispatch="callable",
)
pin("ministack.services.cloudwatch_logs", _log_groups="scoped")
pin("ministack.services.stepfunctions", _emit_execution_status_event="callable")


def put(namespace: str, name: str, value: float, unit: str, dimensions: Mapping[str, str]) -> None:
    """Store one value at the present time."""
    from ministack.services import cloudwatch

    cloudwatch.record_metric(namespace, name, value, unit, dict(dimensions))


def publish_embedded(line: str) -> int:
    """Store the metrics of one log line in embedded metric format; return how many values.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return 0
    stored = 0
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names if name in document}
            for metric in directive.get("Metrics", []):
                stored += _publish(directive["Namespace"], metric, document, dimensions)
    return stored


def _publish(
    namespace: str, metric: dict[str, Any], document: dict[str, Any], dimensions: dict[str, str]
) -> int:
    value = document.get(metric["Name"])
    values = value if isinstance(value, list) else [value]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    for number in numbers:
        put(namespace, metric["Name"], float(number), metric.get("Unit", "None"), dimensions)
    return len(numbers)


def _count_invocations(original: Callable[..., Any]) -> Callable[..., Any]:
    """``AWS/Lambda`` for every invocation; MiniStack counts only those through its API."""

    def dispatch(func: Any, config: dict[str, Any], *rest: Any) -> Any:
        started = time.monotonic()
        result = original(func, config, *rest)
        dimensions = {"FunctionName": str(config.get("FunctionName", ""))}
        failed = bool(isinstance(result, dict) and result.get("error"))
        put("AWS/Lambda", "Invocations", 1, "Count", dimensions)
        put("AWS/Lambda", "Errors", float(failed), "Count", dimensions)
        milliseconds = (time.monotonic() - started) * 1000
        put("AWS/Lambda", "Duration", milliseconds, "Milliseconds", dimensions)
        return result

    return dispatch


def _only_throttles(original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            original(name, duration_ms, error, throttle)

    return emit


def may_write_logs(config: dict[str, Any]) -> bool:
    """Whether the function's role may write its log group; without, AWS shows no logs."""
    from ministack.services import cloudwatch_logs

    role, function_arn = config.get("Role", ""), config.get("FunctionArn", "")
    if not role or not function_arn:
        return True
    region, account = function_arn.split(":")[3:5]
    name = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = name or f"/aws/lambda/{config.get('FunctionName')}"
    base = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    needed = [
        ("logs:CreateLogStream", f"{base}:log-stream:x"),
        ("logs:PutLogEvents", f"{base}:log-stream:x"),
    ]
    if group not in cloudwatch_logs._log_groups:
        needed.insert(0, ("logs:CreateLogGroup", f"{base}:*"))
    service = "lambda.amazonaws.com"
    return all(service_roles.allowed(role, action, arn, service=service) for action, arn in needed)


def _read_log_lines(original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(func: Any, request_id: str, log_text: str, *args: Any, **kwargs: Any) -> Any:
        if not may_write_logs(func.get("config") or func):
            return None
        for line in (log_text or "").splitlines():
            if '"_aws"' in line and '"CloudWatchMetrics"' in line:
                publish_embedded(line[line.index("{") :])
        return original(func, request_id, log_text, *args, **kwargs)

    return emit


_EXECUTION_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def _count_executions(original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(execution: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        name = _EXECUTION_METRICS.get(execution.get("status", ""))
        if name:
            dimensions = {"StateMachineArn": execution["stateMachineArn"]}
            put("AWS/States", name, 1, "Count", dimensions)
        return original(execution, *args, **kwargs)

    return emit


def _measure_apis(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(host: str, path: str, *rest: Any, **keywords: Any) -> Any:
        from ministack import app
        from ministack.services import apigateway_v1

        started = time.monotonic()
        answer = await original(host, path, *rest, **keywords)
        parsed = app._parse_execute_api_url(host, path)
        if answer is None or parsed is None:
            return answer
        api = apigateway_v1._rest_apis.get(parsed[0]) or {}
        status, milliseconds = int(answer[0]), (time.monotonic() - started) * 1000
        name = str(api.get("name", parsed[0]))
        for dimensions in ({"ApiName": name}, {"ApiName": name, "Stage": parsed[1]}):
            put("AWS/ApiGateway", "Count", 1, "Count", dimensions)
            put("AWS/ApiGateway", "4XXError", float(400 <= status < 500), "Count", dimensions)
            put("AWS/ApiGateway", "5XXError", float(status >= 500), "Count", dimensions)
            put("AWS/ApiGateway", "Latency", milliseconds, "Milliseconds", dimensions)
        return answer

    return handle


def attach(_tables: Tables) -> None:
    """Publish from logs and executions."""
    replace("ministack.services.lambda_svc", "_emit_lambda_logs", _read_log_lines)
    replace("ministack.services.lambda_svc", "_emit_lambda_metrics", _only_throttles)
    replace("ministack.services.lambda_svc", "_execute_function_dispatch", _count_invocations)
    replace("ministack.services.stepfunctions", "_emit_execution_status_event", _count_executions)
    replace("ministack.app", "_handle_execute_api_request", _measure_apis)
