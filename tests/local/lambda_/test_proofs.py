"""Functions, their layers and failure destinations, and state machines act on their properties."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.probe_stack import Template, allow, deployed, role, wait_for

pytestmark = pytest.mark.platform

CODE = """
import os, time

def handler(event, context):
    if event.get("fail"):
        raise RuntimeError("asked to fail")
    time.sleep(event.get("sleep", 0))
    return {"word": os.environ["WORD"]}

def layered(event, context):
    import probe_layer
    return {"word": probe_layer.WORD}
"""


def _function(handler: str = "handler", role_name: str = "FnRole", **more: Any) -> Template:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": f"index.{handler}",
            "Code": {"ZipFile": CODE},
            "Role": {"Fn::GetAtt": [role_name, "Arn"]},
            "Timeout": 20,
            **more,
        },
    }


def _spoken(word: str, **more: Any) -> Template:
    return _function(Environment={"Variables": {"WORD": word}}, **more)


def _layer_archive(word: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("python/probe_layer.py", f"WORD = '{word}'\n")
    return buffer.getvalue()


def _layer(bucket: str, key: str) -> Template:
    content = {"S3Bucket": bucket, "S3Key": key}
    return {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}


def _letters(queue: str) -> Template:
    return {"TargetArn": {"Fn::GetAtt": [queue, "Arn"]}}


def _without_retry(function: str, **more: Any) -> Template:
    properties = {
        "FunctionName": {"Ref": function},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 0,
    }
    return {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties | more}


def _on_failure(function: str, queue: str) -> Template:
    destination = {"Destination": {"Fn::GetAtt": [queue, "Arn"]}}
    return _without_retry(function, DestinationConfig={"OnFailure": destination})


def _machine(role_name: str, function: str) -> Template:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "${Target}", "Payload": {}},
        "OutputPath": "$.Payload.word",
        "End": True,
    }
    definition = json.dumps({"StartAt": "Call", "States": {"Call": call}})
    target = {"Target": {"Fn::GetAtt": [function, "Arn"]}}
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::GetAtt": [role_name, "Arn"]},
            "DefinitionString": {"Fn::Sub": [definition, target]},
        },
    }


def _template(layers: str) -> Template:
    queue = {"Type": "AWS::SQS::Queue"}
    queues = [{"Fn::GetAtt": [name, "Arn"]} for name in ("Left", "Right", "Letters")]
    callable_here = [{"Fn::GetAtt": [name, "Arn"]} for name in ("One", "Two")]
    resources: Template = {
        "FnRole": role("lambda.amazonaws.com", allow(["sqs:SendMessage"], queues)),
        "BareRole": role("lambda.amazonaws.com"),
        "Caller": role("states.amazonaws.com", allow(["lambda:InvokeFunction"], callable_here)),
        "Powerless": role("states.amazonaws.com"),
        "Left": queue,
        "Right": queue,
        "One": _spoken("one"),
        "Two": _spoken("two", Timeout=1),
        "Bare": _spoken("bare", role_name="BareRole"),
        "Misnamed": _spoken("none", handler="no_such_handler"),
        "Letters": queue,
        "Posts": _spoken("posts", DeadLetterConfig=_letters("Letters")),
        "PostsTwice": _spoken("posts twice", DeadLetterConfig=_letters("Letters")),
        "FirstLayer": _layer(layers, "first.zip"),
        "SecondLayer": _layer(layers, "second.zip"),
        "WithFirst": _function("layered", Layers=[{"Ref": "FirstLayer"}]),
        "WithSecond": _function("layered", Layers=[{"Ref": "SecondLayer"}]),
        "WithNone": _function("layered"),
        "OneFails": _on_failure("One", "Left"),
        "TwoFails": _on_failure("Two", "Right"),
        "BareFails": _on_failure("Bare", "Left"),
        "PostsFails": _without_retry("Posts"),
        "PostsTwiceFails": _on_failure("PostsTwice", "Right"),
        "CallsOne": _machine("Caller", "One"),
        "CallsTwo": _machine("Caller", "Two"),
        "MayNot": _machine("Powerless", "One"),
    }
    named = [
        name for name, entry in resources.items() if name == "FnRole" or "Role" not in entry["Type"]
    ]
    return {
        "Resources": resources,
        "Outputs": {name: {"Value": {"Ref": name}} for name in named},
    }


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    bucket = support.make_bucket(platform)
    for name in ("first", "second"):
        support.put(platform, bucket, f"{name}.zip", _layer_archive(name))
    with deployed(platform, "functions", _template(bucket)) as found:
        yield found


def _invoke(platform: Platform, name: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """The function's answer, or its error."""
    answer = platform.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}))
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


@pytest.mark.proves("AWS::Lambda::Function")
def test_environment_handler_and_time_out_decide(platform: Platform, stack: dict[str, str]) -> None:
    assert _invoke(platform, stack["One"], {"sleep": 2})["word"] == "one"
    assert _invoke(platform, stack["Two"])["word"] == "two"
    assert "timed out" in _invoke(platform, stack["Two"], {"sleep": 2})["errorMessage"]
    assert "no_such_handler" in _invoke(platform, stack["Misnamed"])["errorMessage"]


@pytest.mark.proves("AWS::Lambda::LayerVersion")
def test_a_layers_content_is_on_the_path(platform: Platform, stack: dict[str, str]) -> None:
    assert _invoke(platform, stack["WithFirst"]) == {"word": "first"}
    assert _invoke(platform, stack["WithSecond"]) == {"word": "second"}
    assert "probe_layer" in _invoke(platform, stack["WithNone"])["errorMessage"]


def _fail(platform: Platform, stack: dict[str, str], *functions: str) -> None:
    """Send each function an event that it fails on."""
    for name in functions:
        platform.client("lambda").invoke(
            FunctionName=stack[name], InvocationType="Event", Payload=json.dumps({"fail": name})
        )


def _dead_letters(platform: Platform, queue: str) -> dict[str, dict[str, str]]:
    """Attributes of each letter by the function that failed, read for as long as any come."""
    sqs, found = platform.client("sqs"), {}
    every = {"MessageAttributeNames": ["All"], "AttributeNames": ["SenderId"]}
    request = {"QueueUrl": queue, "WaitTimeSeconds": 2, **every}
    while messages := sqs.receive_message(**request).get("Messages"):
        for message in messages:
            facts = message["MessageAttributes"]
            name = json.loads(message["Body"])["fail"]
            assert name not in found, f"two letters of {name}"
            found[name] = {key: value["StringValue"] for key, value in facts.items()}
            found[name]["sender"] = message["Attributes"]["SenderId"].partition(":")[0]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def _failures(platform: Platform, queue: str) -> list[str]:
    """Who reported to a queue, read for as long as messages come."""
    sqs, found = platform.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"])["requestPayload"]["fail"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.proves("AWS::Lambda::EventInvokeConfig")
def test_a_failed_event_goes_where_the_function_says_as_its_role(
    platform: Platform, stack: dict[str, str]
) -> None:
    _fail(platform, stack, "Bare", "One", "Two")
    assert _failures(platform, stack["Right"]) == ["Two"]
    assert _failures(platform, stack["Left"]) == ["One"]


@pytest.mark.proves("AWS::Lambda::Function")
def test_a_failed_event_is_a_dead_letter_and_goes_to_the_destination_too(
    platform: Platform, stack: dict[str, str]
) -> None:
    _fail(platform, stack, "Bare", "Posts", "PostsTwice")
    letters = _dead_letters(platform, stack["Letters"])
    assert set(letters) == {"Posts", "PostsTwice"}
    sender = platform.client("iam").get_role(RoleName=stack["FnRole"])["Role"]["RoleId"]
    for facts in letters.values():
        assert facts["ErrorCode"] == "200"
        assert facts["ErrorMessage"] == "asked to fail"
        assert facts["RequestID"]
        assert facts["sender"] == sender
    assert _failures(platform, stack["Right"]) == ["PostsTwice"]


def test_a_role_that_may_not_send_cannot_have_a_dead_letter_queue(platform: Platform) -> None:
    template: Template = {
        "Resources": {
            "BareRole": role("lambda.amazonaws.com"),
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Posts": _spoken("w", role_name="BareRole", DeadLetterConfig=_letters("Letters")),
        }
    }
    with pytest.raises(WaiterError), deployed(platform, "no-letters", template):
        pass
    events = platform.client("cloudformation").describe_stack_events(StackName="no-letters")
    reasons = [e.get("ResourceStatusReason", "") for e in events["StackEvents"]]
    assert any("permissions to call SendMessage on SQS" in reason for reason in reasons)


def _outcome(platform: Platform, machine: str) -> str:
    """Output of a succeeded execution, or error of a failed one."""
    states = platform.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    found = wait_for(ended, what=machine)
    return str(found["error"] if found["status"] == "FAILED" else json.loads(found["output"]))


@pytest.mark.proves("AWS::StepFunctions::StateMachine")
def test_a_machine_runs_its_definition_as_its_role(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert _outcome(platform, stack["CallsOne"]) == "one"
    assert _outcome(platform, stack["CallsTwo"]) == "two"
    assert _outcome(platform, stack["MayNot"]) == "Lambda.AccessDeniedException"
