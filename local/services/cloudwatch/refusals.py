"""Alarms: periods, windows, statistics, metric math, actions."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.private_tables import pin
from local.emulator.refusals import Properties, refuses, refuses_beside

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
DAY, WEEK, HOUR = 86_400, 604_800, 3600
METRICS, ACTIONS = 10, 5
_STATES = ("AlarmActions", "OKActions", "InsufficientDataActions")
_EXTENDED = re.compile(
    r"(p|tm|tc|ts|wm)(\d{1,2}(\.\d{1,10})?|100)|IQM|(PR|TC|TM|TS|WM)\([\d.]*%?:[\d.]*%?\)"
)
_ACTION = re.compile(
    r"arn:aws[a-z-]*:(sns|lambda|ssm|ssm-incidents|autoscaling|automate|swf|aiops):.+"
)
# Names in an expression that are no metrics: functions, and the words of AND, OR and IF.
_NAME = re.compile(r"\b[a-z]\w*\b(?!\s*\()")


def _statistics(properties: Properties) -> list[dict[str, Any]]:
    """Each metric's period and statistic, of a plain alarm and of metric math alike."""
    queries = properties.get("Metrics") or []
    found = [query["MetricStat"] for query in queries if "MetricStat" in query]
    if "MetricName" in properties:
        extended = properties.get("ExtendedStatistic")
        found.append({"Period": properties.get("Period"),
                      "Stat": properties.get("Statistic") or extended})  # fmt: skip
    return found


@refuses("alarm-period", ALARM)
def _period(properties: Properties) -> str | None:
    for metric in _statistics(properties):
        period = metric.get("Period")
        if period is None:
            return "Period is required for alarms based on static thresholds"
        if int(period) not in (10, 20, 30) and (int(period) < 60 or int(period) % 60):
            return f"Period {period}: allowed: 10, 20, 30 or any multiple of 60"
    return None


@refuses("alarm-window", ALARM)
def _window(properties: Properties) -> str | None:
    periods = int(properties.get("EvaluationPeriods", 1))
    for metric in _statistics(properties):
        period = int(metric.get("Period") or 60)
        longest, words = (DAY, "a day") if period < HOUR else (WEEK, "a week")
        if period * periods > longest:
            return (
                f"Metrics cannot be checked across more than {words} (EvaluationPeriods * Period "
                f"must be <= {longest}): {periods} * {period}"
            )
    return None


@refuses("alarm-needs-statistic", ALARM)
def _statistic(properties: Properties) -> str | None:
    for metric in _statistics(properties):
        if not metric.get("Stat"):
            return "Exactly one element from Statistic and ExtendedStatistic must be specified"
    return None


@refuses("alarm-extended-statistic", ALARM)
def _extended(properties: Properties) -> str | None:
    given = properties.get("ExtendedStatistic")
    if given is None or _EXTENDED.fullmatch(str(given)):
        return None
    return f"The value {given} for parameter ExtendedStatistic is not supported, such as p99"


@refuses("alarm-datapoints", ALARM)
def _datapoints(properties: Properties) -> str | None:
    wanted = int(properties.get("DatapointsToAlarm", 1))
    periods = int(properties.get("EvaluationPeriods", wanted))
    if wanted <= periods:
        return None
    return f"DatapointsToAlarm {wanted} must be less than or equal to EvaluationPeriods {periods}"


@refuses("alarm-actions", ALARM, COMPOSITE)
def _actions(properties: Properties) -> str | None:
    for state in _STATES:
        given = properties.get(state) or []
        wrong = [action for action in given if not _ACTION.fullmatch(str(action))]
        if wrong:
            return f"{state}: invalid ARN syntax or service {wrong}"
    return None


@refuses("alarm-actions-count", ALARM, COMPOSITE)
def _actions_count(properties: Properties) -> str | None:
    for state in _STATES:
        count = len(properties.get(state) or [])
        if count > ACTIONS:
            return f"{state}: at most {ACTIONS} actions, not {count}"
    return None


@refuses("alarm-metrics-count", ALARM)
def _count(properties: Properties) -> str | None:
    metrics = [entry for entry in properties.get("Metrics") or [] if "MetricStat" in entry]
    if len(metrics) <= METRICS:
        return None
    return f"An alarm takes up to {METRICS} metrics in metric math, not {len(metrics)}"


@refuses("alarm-returns-one", ALARM)
def _returns(properties: Properties) -> str | None:
    queries = properties.get("Metrics") or []
    returning = [q["Id"] for q in queries if str(q.get("ReturnData", True)).lower() == "true"]
    if not queries or len(returning) == 1 or properties.get("ThresholdMetricId"):
        return None
    return f"Exactly one element of the metrics list should return data, not {returning}"


@refuses("alarm-expression-names", ALARM)
def _names(properties: Properties) -> str | None:
    queries = properties.get("Metrics") or []
    known = [query["Id"] for query in queries]
    if len(set(known)) < len(known):
        return f"The ids of metrics must be unique: {known}"
    for query in queries:
        expression = re.sub(r"\"[^\"]*\"|'[^']*'", "", str(query.get("Expression", "")))
        if re.search(r"\b(SEARCH|METRICS)\s*\(", expression) and "SEARCH" in expression:
            return "SEARCH is not supported on Metric Alarms"
        unknown = set(_NAME.findall(expression)) - set(known)
        if unknown:
            return f"Unknown id {sorted(unknown)} in the expression {expression!r}"
    return None


pin("ministack.services.cloudwatch", _alarms="scoped", _composite_alarms="scoped")


@refuses_beside("alarm-name-is-free", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
def _alarm_name(properties: Properties) -> str | None:
    from ministack.services import cloudwatch

    name = properties.get("AlarmName")
    if name is None or (
        name not in cloudwatch._alarms and name not in cloudwatch._composite_alarms
    ):
        return None
    return f"the alarm {name} already exists; allowed: a name of this deployment alone"
