"""A function or a state machine is not made with a role that lacks what AWS looks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.emulator import tried_permissions
from local.platform import Platform
from local.services.cloudformation import custom_answers
from tests.support.probe_stack import (
    Template,
    allow,
    deploy,
    deployed,
    failure_reasons,
    function,
    role,
)

LAMBDA, STATES = "lambda.amazonaws.com", "states.amazonaws.com"
QUEUE = {"Fn::GetAtt": ["Letters", "Arn"]}


def _function_stack(*statements: dict[str, Any], **properties: Any) -> Template:
    made = function("Role")
    made["Properties"] |= properties
    return {
        "Resources": {
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Role": role(LAMBDA, *statements),
            "Made": made,
        }
    }


def _machine_stack(*actions: str) -> Template:
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    group = {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}
    logging = {"Level": "ALL", "Destinations": [{"CloudWatchLogsLogGroup": group}]}
    return {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup"},
            "Role": role(STATES, allow(list(actions), "*")),
            "Made": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "DefinitionString": json.dumps(definition),
                    "LoggingConfiguration": logging,
                },
            },
        }
    }


def _refused(platform: Platform, name: str, template: Template) -> list[str]:
    try:
        with pytest.raises(WaiterError):
            deploy(platform, name, template)
        return failure_reasons(platform, name)
    finally:
        client = platform.client("cloudformation")
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)


@pytest.mark.platform
@pytest.mark.parametrize(
    ("name", "properties", "action", "words"),
    [
        ("letters", {"DeadLetterConfig": {"TargetArn": QUEUE}}, "sqs:SendMessage", "on SQS"),
        ("traced", {"TracingConfig": {"Mode": "Active"}}, "xray:PutTraceSegments", "on XRAY"),
    ],
)
def test_a_function_needs_a_role_that_may(
    platform: Platform, name: str, properties: dict[str, Any], action: str, words: str
) -> None:
    reasons = _refused(platform, f"{name}-refused", _function_stack(**properties))
    assert any(words in reason for reason in reasons), reasons
    with deployed(platform, f"{name}-made", _function_stack(allow([action], "*"), **properties)):
        pass


@pytest.mark.platform
def test_a_state_machine_needs_a_role_that_may_log(platform: Platform) -> None:
    every = tried_permissions.LOG_DELIVERY
    reasons = _refused(platform, "flow-refused", _machine_stack(*every[1:]))
    assert any("not authorized to access the Log Destination" in r for r in reasons), reasons
    with deployed(platform, "flow-made", _machine_stack(*every)):
        pass


def _schedule_stack(service: str) -> Template:
    target = {
        "Arn": QUEUE,
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "Input": "{}",
    }
    return {
        "Resources": {
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Role": role(service, allow(["sqs:SendMessage"], "*")),
            "Made": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "ScheduleExpression": "rate(1 day)",
                    "Target": target,
                },
            },
        }
    }


@pytest.mark.platform
def test_a_schedule_needs_a_role_that_trusts_the_scheduler(platform: Platform) -> None:
    reasons = _refused(platform, "schedule-refused", _schedule_stack(LAMBDA))
    assert any("must allow AWS EventBridge Scheduler" in reason for reason in reasons), reasons
    with deployed(platform, "schedule-made", _schedule_stack("scheduler.amazonaws.com")):
        pass


def test_a_function_in_a_vpc_needs_a_role_that_may_make_interfaces() -> None:
    inside = {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    needs = [action for action, _, _ in tried_permissions.of_function(inside)]
    assert needs == ["ec2:CreateNetworkInterface"]
    assert list(tried_permissions.of_function({"VpcConfig": {"SubnetIds": []}})) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"Status": "SUCCESS", "PhysicalResourceId": "p", "Data": {"a": "x" * 4100}}, "too long"),
        ({"Status": "SUCCESS", "PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"Status": "FAILED"}, "Invalid Reason"),
        ({"Status": "OK", "PhysicalResourceId": "p"}, "Invalid Status"),
    ],
)
def test_answers_of_custom_resources_that_cloudformation_refuses(
    answer: dict[str, Any], reason: str
) -> None:
    assert reason in custom_answers.refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"Status": "SUCCESS", "PhysicalResourceId": "p", "Data": {"a": "x" * 4000}},
        {"Status": "FAILED", "Reason": "asked to"},
    ],
)
def test_answers_of_custom_resources_that_cloudformation_takes(answer: dict[str, Any]) -> None:
    assert custom_answers.refusal(answer) == ""
