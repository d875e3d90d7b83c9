"""Services assume only roles whose trust policy admits them, with the conditions it sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.emulator import role_trust
from local.platform import Platform
from tests.support.probe_stack import (
    Template,
    allow,
    deployed,
    failure_reasons,
    function,
    role,
    trust,
    wait_for,
)

ACCOUNT, OTHER = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/millrace/job"
FIREHOSE, LAMBDA, STATES, GLUE, TRAIL, FLOW_LOGS = (
    f"{name}.amazonaws.com"
    for name in ("firehose", "lambda", "states", "glue", "cloudtrail", "vpc-flow-logs")
)
# Whether these say for whom is open: a role has to admit them either way.
PERHAPS = [GLUE, TRAIL, *(f"{name}.amazonaws.com" for name in ("backup", "events", "s3"))]
DENIED = "of an explicit deny in its trust policy"
CONDITION = "a condition of its trust policy does not hold"


def _trust(service: str, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    document = trust(service)
    document["Statement"][0] |= {"Effect": effect, "Condition": condition}
    return document


def _source(account: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:SourceAccount": account}}


def _refusal(document: dict[str, Any], service: str) -> str:
    keys = role_trust.said(service, ACCOUNT, "eu-west-1")
    return role_trust.refusal(document, ROLE, service, keys)


def _source_if_sent(account: str) -> dict[str, Any]:
    return {"StringEqualsIfExists": {"aws:SourceAccount": account}}


FLOW_LOG = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc-flow-log/*"


@pytest.mark.parametrize(
    ("document", "service", "reason"),
    [
        (_trust(STATES), STATES, ""),
        (_trust(STATES, **_source(ACCOUNT)), STATES, ""),
        (_trust(STATES, **_source(OTHER)), STATES, CONDITION),
        (_trust(STATES), LAMBDA, "its trust policy does not name the service"),
        (_trust(FIREHOSE, StringEquals={"sts:ExternalId": ACCOUNT}), FIREHOSE, ""),
        (_trust(FIREHOSE, StringEquals={"sts:ExternalId": OTHER}), FIREHOSE, CONDITION),
        (_trust(STATES, StringEquals={"sts:ExternalId": ACCOUNT}), STATES, CONDITION),
        # Lambda names no source: such a condition would keep it out on AWS too.
        (_trust(LAMBDA, **_source(ACCOUNT)), LAMBDA, CONDITION),
        (_trust(STATES, ArnLike={"aws:SourceArn": "arn:aws:states:*:*:*"}), STATES, ""),
        (_trust(STATES, ArnLike={"aws:SourceArn": "arn:aws:events:*:*:*"}), STATES, CONDITION),
        (_trust(STATES, "Deny", **_source(ACCOUNT)), STATES, DENIED),
        (_trust(FLOW_LOGS, ArnLike={"aws:SourceArn": FLOW_LOG}), FLOW_LOGS, ""),
        (_trust(TRAIL, "Deny", **_source_if_sent(ACCOUNT)), TRAIL, DENIED),
        (_trust(GLUE), GLUE, ""),
    ],
)
def test_a_trust_policy_decides(document: dict[str, Any], service: str, reason: str) -> None:
    assert _refusal(document, service) == reason


@pytest.mark.parametrize("service", PERHAPS)
def test_a_service_that_may_not_say_for_whom_is_admitted_either_way(service: str) -> None:
    assert _refusal(_trust(service, **_source(ACCOUNT)), service) == CONDITION
    assert _refusal(_trust(service, **_source_if_sent(OTHER)), service) == CONDITION
    assert _refusal(_trust(service, **_source_if_sent(ACCOUNT)), service) == ""


def test_another_action_is_no_permission_to_assume() -> None:
    document = trust(STATES)
    document["Statement"][0]["Action"] = "sts:TagSession"
    assert _refusal(document, STATES)


def _role(service: str, condition: dict[str, Any], *statements: dict[str, Any]) -> dict[str, Any]:
    entry = role(service, *statements)
    entry["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = condition
    return entry


def _machine(condition: dict[str, Any]) -> Template:
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    return {
        "Resources": {
            "Role": _role(STATES, condition),
            "Made": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "DefinitionString": json.dumps(definition),
                },
            },
        }
    }


def _function(condition: dict[str, Any]) -> Template:
    return {"Resources": {"Role": _role(LAMBDA, condition), "Made": function("Role")}}


@pytest.mark.proves("AWS::IAM::Role")
@pytest.mark.parametrize(
    ("made", "admitted"),
    [(_machine, _source(ACCOUNT)), (_function, {})],
    ids=["machine", "function"],
)
def test_nothing_is_made_with_a_role_of_somebody_else(
    platform: Platform, made: Callable[[dict[str, Any]], Template], admitted: dict[str, Any]
) -> None:
    with deployed(platform, "trusted", made(admitted)):
        pass
    client, name = platform.client("cloudformation"), "untrusted"
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps(made(_source(OTHER))),
        Capabilities=["CAPABILITY_IAM"],
    )
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    reasons = failure_reasons(platform, name)
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name)
    assert any(CONDITION in reason for reason in reasons)


def test_a_glue_run_does_not_start_with_a_role_for_another_account(platform: Platform) -> None:
    iam, glue = platform.client("iam"), platform.client("glue")
    document = json.dumps(_trust("glue.amazonaws.com", **_source(OTHER)))
    arn = iam.create_role(RoleName="of-other", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [allow(["s3:*"], "*")]}
    iam.put_role_policy(RoleName="of-other", PolicyName="p", PolicyDocument=json.dumps(policy))
    command = {"Name": "pythonshell", "ScriptLocation": "s3://nowhere/script.py"}
    glue.create_job(Name="of-other", Role=arn, Command=command)
    run = glue.start_job_run(JobName="of-other")["JobRunId"]
    try:
        found = _ended(glue, run)
    finally:
        glue.delete_job(JobName="of-other")
        iam.delete_role_policy(RoleName="of-other", PolicyName="p")
        iam.delete_role(RoleName="of-other")
    assert found["JobRunState"] == "FAILED"
    assert CONDITION in found["ErrorMessage"]


def _ended(glue: Any, run: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = glue.get_job_run(JobName="of-other", RunId=run)["JobRun"]
        return found if found["JobRunState"] in {"FAILED", "SUCCEEDED"} else None

    return wait_for(ended, 30, "the run's end")
