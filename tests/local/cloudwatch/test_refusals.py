"""Composite alarms and their children need one another, as CloudWatch has it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.platform import Platform
from tests.support.probe_stack import Template, deploy, deployed, failure_reasons

pytestmark = pytest.mark.platform


def _alarm() -> dict[str, Any]:
    properties = {
        "Namespace": "Probe",
        "MetricName": "Seen",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _composite(rule: Any, name: str) -> dict[str, Any]:
    properties = {"AlarmName": name, "AlarmRule": rule}
    return {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}


def _family(name: str) -> Template:
    rule = {"Fn::Sub": "ALARM(${Child})"}
    return {
        "Resources": {"Child": _alarm(), "All": _composite(rule, name)},
        "Outputs": {"Child": {"Value": {"Ref": "Child"}}},
    }


def _refused(platform: Platform, stack: str, template: Template) -> str:
    with pytest.raises(WaiterError):
        deploy(platform, stack, template)
    reasons = " ".join(failure_reasons(platform, stack))
    platform.client("cloudformation").delete_stack(StackName=stack)
    return reasons


def test_a_composite_needs_its_children(platform: Platform) -> None:
    template = {"Resources": {"All": _composite("ALARM(nobody)", "orphan")}}
    assert "do not exist" in _refused(platform, "orphan-alarms", template)


def test_a_child_is_not_deleted(platform: Platform) -> None:
    with deployed(platform, "kept-alarms", _family("kept")) as found:
        client = platform.client("cloudwatch")
        with pytest.raises(ClientError, match="composite alarm"):
            client.delete_alarms(AlarmNames=[found["Child"]])


def test_a_second_stack_may_not_take_a_composite_alarms_name(platform: Platform) -> None:
    with deployed(platform, "first-alarms", _family("unhealthy")):
        reasons = _refused(platform, "second-alarms", _family("unhealthy"))
        assert "alarm-name-is-free" in reasons
