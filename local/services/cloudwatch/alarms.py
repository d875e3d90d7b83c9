"""Alarms that watch: evaluated every second, by their own dimensions and periods.

MiniStack evaluates alarms when a CloudWatch request happens to arrive, over all dimensions at
once, without metric math. Here a background loop evaluates each alarm over its last N periods
(sliding: the newest window ends now, so an alarm reacts within one evaluation instead of waiting
for a period boundary), with missing data treated as configured. Every transition, of metric and
composite alarms alike, sends ``CloudWatch Alarm State Change`` to the default event bus; SNS
and composite rules stay MiniStack's.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.emulator import dispatchers
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.cloudwatch import metric_math

logger = logging.getLogger("millrace.alarms")
_MODULE = "ministack.services.cloudwatch"
EVALUATE_SECONDS = 1.0
# Points may arrive with timestamps in the past; looked at beyond the window's start.
LATE_POINTS = 500

pin(
    _MODULE,
    _alarms="scoped",
    _composite_alarms="scoped",
    _metrics="scoped",
    _calc_stats="callable",
    _stat_value="callable",
    _dims_key="callable",
    _dims_from_list="callable",
    _evaluate_alarm="callable",
    _evaluate_parent_alarms="callable",
    _dispatch_alarm_actions="callable",
    _record_history="callable",
    cloudformation_put_metric_alarm="callable",
)
pin(
    "ministack.services.cloudformation.provisioners",
    _cw_metric_alarm_record="callable",
    _cw_metric_alarm_create="callable",
    _cw_metric_alarm_update="callable",
    _cw_metric_alarm_delete="callable",
)
pin("ministack.services.eventbridge", _put_events="callable")

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def window_value(stat: dict[str, Any], start: float, end: float) -> float | None:
    """The statistic of one metric (exact dimensions) over ``start`` < time <= ``end``, or None."""
    from ministack.services import cloudwatch

    dimensions = cloudwatch._dims_from_list(stat.get("Dimensions") or [])
    key = (stat["Namespace"], stat["MetricName"], cloudwatch._dims_key(dimensions))
    points = cloudwatch._metrics.get(key) or []
    found, late = [], 0
    for point in reversed(points):
        if point["Timestamp"] <= start:
            late += 1
            if late > LATE_POINTS:
                break
        elif point["Timestamp"] <= end:
            found.append(point)
    if not found:
        return None
    value = cloudwatch._stat_value(cloudwatch._calc_stats(found), stat["Stat"], found)
    return None if value is None else float(value)


def _metric_stats(alarm: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics an alarm reads, by id (a plain alarm's only metric is ``m``)."""
    if not alarm.get("Metrics"):
        names = ("Namespace", "MetricName", "Dimensions", "Period")
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        return {"m": {name: alarm.get(name) for name in names} | {"Stat": stat}}
    stats = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            metric = query["MetricStat"]
            stats[query["Id"]] = {
                **metric["Metric"], "Stat": metric["Stat"], "Period": metric["Period"]
            }  # fmt: skip
    return stats


def _period(alarm: dict[str, Any]) -> float:
    stats = _metric_stats(alarm).values()
    return max((float(stat.get("Period") or 60) for stat in stats), default=60.0)


@functools.lru_cache(maxsize=512)
def _tree(expression: str) -> Any:
    return metric_math.parse(expression)


def data_points(alarm: dict[str, Any], now: float) -> list[float | None]:
    """The alarm's value in each of its evaluation periods, newest first."""
    period, stats = _period(alarm), _metric_stats(alarm)
    points = []
    for index in range(int(alarm.get("EvaluationPeriods", 1))):
        end = now - index * period
        values: dict[str, float | None] = {
            name: window_value(stat, end - period, end) for name, stat in stats.items()
        }
        points.append(_watched(alarm, values))
    return points


def _watched(alarm: dict[str, Any], values: dict[str, float | None]) -> float | None:
    if not alarm.get("Metrics"):
        return values["m"]
    for query in alarm["Metrics"]:
        if "Expression" in query:
            values[query["Id"]] = metric_math.evaluate(_tree(query["Expression"]), values)
    watched = [query for query in alarm["Metrics"] if _returns(query)]
    return values[watched[-1]["Id"]]


def _returns(query: dict[str, Any]) -> bool:
    return str(query.get("ReturnData", True)).lower() != "false"


def next_state(alarm: dict[str, Any], points: list[float | None]) -> str:
    """``ALARM``, ``OK``, ``INSUFFICIENT_DATA``, or the present state if data are to be ignored."""
    treat = alarm.get("TreatMissingData") or "missing"
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    if all(point is None for point in points):
        absent = {"notBreaching": "OK", "breaching": "ALARM", "ignore": alarm["StateValue"]}
        return str(absent.get(treat, "INSUFFICIENT_DATA"))
    needed = int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1))
    breaching = sum(
        treat == "breaching" if point is None else compare(point, threshold) for point in points
    )
    return "ALARM" if breaching >= needed else "OK"


def evaluate_alarm(alarm: dict[str, Any]) -> None:
    """Evaluate one metric alarm now and carry out its transition, if there is one."""
    from ministack.services import cloudwatch

    if not alarm.get("Metrics") and not alarm.get("MetricName"):
        return
    points = data_points(alarm, time.time())
    new, old = next_state(alarm, points), alarm["StateValue"]
    if new == old:
        return
    shown = [point for point in points if point is not None]
    reason = (
        f"Threshold Crossed: datapoints {shown} against {alarm['ComparisonOperator']} "
        f"{alarm['Threshold']} over {len(points)} periods of {_period(alarm):.0f} s"
        if shown
        else f"No datapoints in {len(points)} periods of {_period(alarm):.0f} s"
    )
    alarm["StateValue"], alarm["StateReason"] = new, reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def evaluate_all() -> None:
    """Evaluate every metric alarm of the platform's account and Region."""
    from ministack.services import cloudwatch

    for alarm in list(cloudwatch._alarms.values()):
        try:
            evaluate_alarm(alarm)
        except Exception:
            logger.exception("alarm %s", alarm.get("AlarmName"))


def state_change_event(alarm: dict[str, Any], old: str, new: str, reason: str) -> dict[str, Any]:
    """The event CloudWatch sends to the default bus."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription", "")}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    else:
        configuration["metrics"] = [
            {"id": name, "metricStat": stat} for name, stat in _metric_stats(alarm).items()
        ]
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": configuration,
        "state": {"value": new, "reason": reason, "timestamp": stamp},
        "previousState": {"value": old, "timestamp": stamp},
    }
    return {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "Resources": [alarm["AlarmArn"]],
    }


def _with_event(original: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(alarm: dict[str, Any], old: str, new: str, reason: str) -> Any:
        from ministack.services import eventbridge

        logger.info("alarm %s: %s -> %s (%s)", alarm["AlarmName"], old, new, reason)
        try:
            entry = state_change_event(alarm, old, new, reason)
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        except Exception:
            logger.exception("event of alarm %s", alarm["AlarmName"])
        return original(_with_reachable_topics(alarm), old, new, reason)

    return dispatch


def _with_reachable_topics(alarm: dict[str, Any]) -> dict[str, Any]:
    """The alarm with only those SNS actions that topic and key policies let CloudWatch publish."""
    reachable = dict(alarm)
    for field in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        reachable[field] = [
            action
            for action in alarm.get(field) or []
            if ":sns:" not in action or dispatchers.may_alarm_publish(alarm["AlarmArn"], action)
        ]
    return reachable


def _record_with_math(original: Callable[..., Any]) -> Callable[..., Any]:
    def record(name: str, props: dict[str, Any]) -> dict[str, Any]:
        if not props.get("Metrics"):
            return dict(original(name, props))
        for query in props["Metrics"]:
            if "Expression" in query:
                metric_math.parse(query["Expression"])
        plain = {key: value for key, value in props.items() if key != "Metrics"}
        placeholder = {"MetricName": "-", "Namespace": "-"}
        alarm: dict[str, Any] = original(name, plain | placeholder)
        for key in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            alarm.pop(key)
        return alarm | {"Metrics": props["Metrics"]}

    return record


def attach(tables: Tables) -> None:
    """Take over evaluation."""
    replace(_MODULE, "_evaluate_alarm", lambda _original: evaluate_alarm)
    replace(_MODULE, "_dispatch_alarm_actions", _with_event)
    provisioners = "ministack.services.cloudformation.provisioners"
    replace(provisioners, "_cw_metric_alarm_record", _record_with_math)
    tables.every("alarms", EVALUATE_SECONDS, evaluate_all)
