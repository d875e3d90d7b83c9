"""Alarms: dimensions, periods, missing data, metric math, events, actions and composites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.platform import Platform
from local.services.cloudwatch import alarms, metric_math
from tests.support.probe_stack import Template, allow, deployed, function, role, wait_for

PERIOD = 10


def _alarm(kind: str, **more: Any) -> dict[str, Any]:
    properties = {
        "Namespace": "Probe",
        "MetricName": "Seen",
        "Dimensions": [{"Name": "kind", "Value": kind}],
        "Statistic": "Sum",
        "Period": PERIOD,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties | more}


def _stat(name: str, kind: str) -> dict[str, Any]:
    metric = {
        "Namespace": "Probe", "MetricName": "Seen", "Dimensions": [{"Name": "kind", "Value": kind}],
    }  # fmt: skip
    stat = {"Metric": metric, "Period": PERIOD, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False}


def _template() -> Template:
    math = _alarm("x", Metrics=[
        {"Id": "rate", "Expression": "100 * a / FILL(b, 1)"}, _stat("a", "emf"), _stat("b", "none"),
    ])  # fmt: skip
    for name in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period"):
        del math["Properties"][name]
    rule = {"Fn::Sub": 'ALARM("${Watched}") OR ALARM("${Other}")'}
    pattern = {
        "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"state": {"value": ["ALARM"]}},
    }  # fmt: skip
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    admitted = [
        {
            "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue,
            "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
        }
    ]  # fmt: skip
    resources: dict[str, Any] = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": admitted},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": queue},
        },
        "Watched": _alarm("emf", AlarmActions=[{"Ref": "Topic"}]),
        "Other": _alarm("other"),
        "Math": math,
        "Either": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmRule": rule},
        },
        "Unmoved": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmRule": {"Fn::Sub": 'ALARM("${Other}")'}},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [{"Id": "q", "Arn": queue}]},
        },
        "FnRole": role(
            "lambda.amazonaws.com",
            allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
        ),
        "Fn": function("FnRole"),
    }
    names = ("Queue", "Fn", "Watched", "Other", "Math", "Either", "Unmoved")
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in names}}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    """Alarms on what a function logs, and a queue that hears about them."""
    with deployed(platform, "alarms", _template()) as found:
        yield found


def _state(platform: Platform, name: str) -> str:
    answer = platform.client("cloudwatch").describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return str((answer["MetricAlarms"] + answer["CompositeAlarms"])[0]["StateValue"])


@pytest.mark.proves("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
def test_a_logged_metric_raises_its_alarm_and_no_other(
    platform: Platform, stack: dict[str, str]
) -> None:
    wait_for(lambda: _state(platform, stack["Watched"]) == "OK", 10, "the first evaluation")
    invoke = {"FunctionName": stack["Fn"], "Payload": b'{"metric": 7}'}
    platform.client("lambda").invoke(**invoke)
    wait_for(lambda: _state(platform, stack["Watched"]) == "ALARM", 8, "the alarm")
    wait_for(lambda: _state(platform, stack["Math"]) == "ALARM", 5, "metric math: 700 >= 5")
    assert _state(platform, stack["Either"]) == "ALARM"
    assert _state(platform, stack["Other"]) == "OK"
    assert _state(platform, stack["Unmoved"]) != "ALARM"

    names: set[str] = set()
    sqs = platform.client("sqs")

    def heard() -> bool:
        answer = sqs.receive_message(QueueUrl=stack["Queue"], MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            body = json.loads(message["Body"])
            names.add(body["detail"]["alarmName"] if "detail" in body else body["Type"])
        return {stack["Watched"], stack["Either"], "Notification"} <= names

    wait_for(heard, 10, "events of both alarms and the SNS notification")
    assert not {stack["Other"], stack["Unmoved"]} & names
    wait_for(lambda: _state(platform, stack["Watched"]) == "OK", PERIOD + 8, "recovery")
    wait_for(lambda: _state(platform, stack["Either"]) == "OK", 5, "the composite's recovery")


def _configured(**more: Any) -> dict[str, Any]:
    return {
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1, "EvaluationPeriods": 3,
        "StateValue": "OK",
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("more", "points", "expected"),
    [
        ({}, [2, 2, 2], "ALARM"),
        ({}, [2, 2, 1], "OK"),
        ({"DatapointsToAlarm": 2}, [2, 1, 2], "ALARM"),
        ({}, [None, None, None], "INSUFFICIENT_DATA"),
        ({"TreatMissingData": "breaching"}, [None, 2, None], "ALARM"),
        ({"TreatMissingData": "breaching"}, [None, None, None], "ALARM"),
        ({"TreatMissingData": "notBreaching"}, [None, None, None], "OK"),
        ({"TreatMissingData": "ignore", "StateValue": "ALARM"}, [None, None, None], "ALARM"),
        ({"ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 1}, [0], "ALARM"),
        (
            {"ComparisonOperator": "LessThanOrEqualToThreshold", "EvaluationPeriods": 1},
            [1],
            "ALARM",
        ),
    ],
)
def test_state_follows_points_and_missing_data(
    more: dict[str, Any], points: list[float | None], expected: str
) -> None:
    assert alarms.next_state(_configured(**more), points) == expected


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ("a + 2 * b", {"a": 1, "b": 3}, 7),
        ("a / b", {"a": 1, "b": 0}, None),
        ("a / b", {"a": None, "b": 2}, None),
        ("FILL(a, 0) + b", {"a": None, "b": 2}, 2),
        ("IF(a > 1, b, 0)", {"a": 2, "b": 9}, 9),
        ("IF(a > 1 AND b < 3, 1, 0)", {"a": 2, "b": 9}, 0),
        ("IF(a > 1 || b < 3, 1, 0)", {"a": 2, "b": 9}, 1),
        ("MAX([a, b])", {"a": 2, "b": None}, 2),
        ("AVG([a, b])", {"a": 2, "b": 4}, 3),
        ("-ABS(a)", {"a": -2}, -2),
    ],
)
def test_metric_math(
    expression: str, values: dict[str, float | None], expected: float | None
) -> None:
    assert metric_math.evaluate(metric_math.parse(expression), values) == expected


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(a)", "a[0]", "a +", "'text'"])
def test_unknown_metric_math_is_refused_when_the_alarm_is_made(expression: str) -> None:
    with pytest.raises(metric_math.ExpressionError):
        metric_math.parse(expression)
