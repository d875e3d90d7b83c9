"""A schedule makes the API call its target names, as its role, when it is due and enabled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.probe_stack import Template, allow, deployed, role, wait_for

pytestmark = pytest.mark.platform

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--fail", default="")
known, _ = parser.parse_known_args()
if known.fail:
    raise ValueError(known.fail)
"""
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:glue:"


def _job(script: str, role_name: str = "JobRole", **arguments: str) -> dict[str, Any]:
    location = {"Fn::Sub": f"s3://${{Scripts}}/{script}"}
    return {
        "Type": "AWS::Glue::Job",
        "Properties": {
            "Role": {"Fn::GetAtt": [role_name, "Arn"]},
            "Command": {"Name": "glueetl", "ScriptLocation": location},
            "DefaultArguments": {f"--{key}": value for key, value in arguments.items()},
            "ExecutionProperty": {"MaxConcurrentRuns": 5},
            "GlueVersion": "5.0",
        },
    }


def _schedule(
    who: str, action: str = "startJobRun", role_name: str = "Caller", state: str = "ENABLED"
) -> dict[str, Any]:
    """A schedule that is due in a second, once."""
    due = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    request = f'{{"JobName": "${{Job}}", "Arguments": {{"--who": "{who}"}}}}'
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": f"at({due})",
            "State": state,
            "Target": {
                "Arn": UNIVERSAL + action,
                "RoleArn": {"Fn::GetAtt": [role_name, "Arn"]},
                "Input": {"Fn::Sub": request},
                "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                "RetryPolicy": {"MaximumRetryAttempts": 0},
            },
        },
    }


def _start_of_machine(role_name: str) -> dict[str, Any]:
    """A templated target: the state machine itself."""
    found = _schedule("machine", role_name=role_name)
    found["Properties"]["Target"]["Arn"] = {"Ref": "Machine"}
    return found


def _machine() -> dict[str, Any]:
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
            "DefinitionString": json.dumps(definition),
        },
    }


def _template() -> Template:
    start = {"Fn::Sub": "arn:aws:glue:${AWS::Region}:${AWS::AccountId}:job/${Job}"}
    bury = allow(["sqs:SendMessage"], {"Fn::GetAtt": ["Undelivered", "Arn"]})
    resources = {
        "Scripts": {"Type": "AWS::S3::Bucket"},
        "Undelivered": {"Type": "AWS::SQS::Queue"},
        "JobRole": role("glue.amazonaws.com", allow(["s3:*"], "*")),
        "Distrusted": role("lambda.amazonaws.com", allow(["s3:*"], "*")),
        "Job": _job("plain.py"),
        "FailingJob": _job("plain.py", fail="as asked"),
        "OtherScript": _job("missing.py"),
        "OtherRole": _job("plain.py", "Distrusted"),
        "Caller": role("scheduler.amazonaws.com", allow(["glue:StartJobRun"], start), bury),
        "Starter": role(
            "scheduler.amazonaws.com", allow(["states:StartExecution"], {"Ref": "Machine"})
        ),
        "MachineRole": role("states.amazonaws.com"),
        "Machine": _machine(),
        "Templated": _start_of_machine("Starter"),
        "Powerless": role("scheduler.amazonaws.com", bury),
        "Right": _schedule("right"),
        "Disabled": _schedule("disabled", state="DISABLED"),
        "WrongRole": _schedule("wrong role", role_name="Powerless"),
        "WrongTarget": _schedule("wrong target", action="batchStopJobRun"),
    }
    named = ("Job", "FailingJob", "OtherScript", "OtherRole", "Undelivered", "Machine")
    outputs = {name: {"Value": {"Ref": name}} for name in named}
    outputs["ScriptsBucket"] = {"Value": {"Ref": "Scripts"}}
    return {"Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "schedules", _template()) as found:
        support.put(platform, found["ScriptsBucket"], "plain.py", SCRIPT)
        yield found


def _dead_letters(platform: Platform, queue: str, count: int) -> dict[str, str]:
    """Who asked → error code, of ``count`` dead letters."""
    sqs, found = platform.client("sqs"), {}

    def complete() -> bool:
        answer = sqs.receive_message(
            QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        for message in answer.get("Messages", []):
            who = json.loads(message["Body"])["Arguments"]["--who"]
            found[who] = message["MessageAttributes"]["ERROR_CODE"]["StringValue"]
        return len(found) >= count

    wait_for(complete, what=f"{count} dead letters")
    return found


@pytest.mark.proves("AWS::Scheduler::Schedule")
def test_a_schedule_calls_what_it_names_as_its_role(
    platform: Platform, stack: dict[str, str]
) -> None:
    refused = _dead_letters(platform, stack["Undelivered"], 2)
    assert refused == {
        "wrong role": "AccessDeniedException",
        "wrong target": "ValidationException",
    }
    glue = platform.client("glue")

    def callers() -> list[str]:
        runs = glue.get_job_runs(JobName=stack["Job"])["JobRuns"]
        return [run["Arguments"]["--who"] for run in runs if "--who" in run["Arguments"]]

    assert wait_for(callers, what="a run") == ["right"]


@pytest.mark.proves("AWS::Scheduler::Schedule")
def test_a_schedule_starts_the_machine_it_names(platform: Platform, stack: dict[str, str]) -> None:
    states = platform.client("stepfunctions")
    executions = wait_for(
        lambda: states.list_executions(stateMachineArn=stack["Machine"])["executions"],
        what="an execution",
    )
    asked = states.describe_execution(executionArn=executions[0]["executionArn"])["input"]
    assert json.loads(asked)["Arguments"] == {"--who": "machine"}


def _ended(platform: Platform, job: str) -> dict[str, Any]:
    glue = platform.client("glue")
    run = glue.start_job_run(JobName=job)["JobRunId"]
    return support.settled(
        lambda: glue.get_job_run(JobName=job, RunId=run)["JobRun"], "JobRunState", 60
    )


@pytest.mark.proves("AWS::Glue::Job")
def test_a_job_runs_its_script_with_its_arguments_as_its_role(
    platform: Platform, stack: dict[str, str]
) -> None:
    good = _ended(platform, stack["Job"])
    assert good["JobRunState"] == "SUCCEEDED", good.get("ErrorMessage")
    for job, reason in (
        ("FailingJob", "as asked"),
        ("OtherScript", "missing.py"),
        ("OtherRole", "trust"),
    ):
        ended = _ended(platform, stack[job])
        assert ended["JobRunState"] == "FAILED"
        assert reason in ended["ErrorMessage"]
