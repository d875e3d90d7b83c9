"""State machines: integrations act as the machine's role, wait, fail with reasons and stop."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.glue import Glue
from tests.support.machines import TRAINING_ACTIONS, Machines, task
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def machines(platform: Platform) -> Machines:
    return Machines(platform)


def test_training_job_is_waited_for(machines: Machines) -> None:
    name, state = machines.training("train")
    result = machines.run({"Train": state}, machines.trainer())

    assert result["status"] == "SUCCEEDED", result.get("cause")
    output = json.loads(result["output"])
    assert output["TrainingJobStatus"] == "Completed"
    assert output["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"{name}/output/model.tar.gz")


def test_failing_job_fails_its_state_with_the_reason(machines: Machines) -> None:
    _, state = machines.training("failing")
    result = machines.run({"Train": state}, machines.trainer())

    assert (result["status"], result["error"]) == ("FAILED", "States.TaskFailed")
    assert "no trees today" in json.loads(result["cause"])["FailureReason"]


def test_catch_and_retry_see_the_failure(machines: Machines) -> None:
    catch = {"ErrorEquals": ["States.TaskFailed"], "Next": "Caught", "ResultPath": "$.error"}
    _, state = machines.training("failing", Catch=[catch])
    states = {"Train": state, "Caught": {"Type": "Pass", "End": True}}
    result = machines.run(states, machines.trainer())

    assert result["status"] == "SUCCEEDED"
    assert json.loads(result["output"])["error"]["Error"] == "States.TaskFailed"


def test_pass_role_is_required(machines: Machines) -> None:
    _, state = machines.training("train")
    result = machines.run({"Train": state}, machines.role(allow(TRAINING_ACTIONS)))

    assert result["status"] == "FAILED"
    assert result["error"] == "SageMaker.AmazonSageMakerException"
    assert "iam:PassRole" in result["cause"]


def test_stopped_execution_stops_its_job(machines: Machines) -> None:
    name, state = machines.training("slow")
    execution = machines.start({"Train": state}, machines.trainer())

    def running() -> bool:
        jobs = machines.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
        return bool(jobs)

    support.wait_for(running)
    machines.client.stop_execution(executionArn=execution, error="Test", cause="enough")
    job = support.settled(
        lambda: machines.sagemaker.describe_training_job(TrainingJobName=name),
        "TrainingJobStatus",
    )

    assert job["TrainingJobStatus"] == "Stopped"
    assert machines.settled(execution)["status"] == "ABORTED"


def test_task_time_out_stops_its_job(machines: Machines) -> None:
    name, state = machines.training("slow", TimeoutSeconds=2)
    result = machines.run({"Train": state}, machines.trainer())

    assert (result["status"], result["error"]) == ("FAILED", "States.Timeout")
    job = support.settled(
        lambda: machines.sagemaker.describe_training_job(TrainingJobName=name),
        "TrainingJobStatus",
    )
    assert job["TrainingJobStatus"] == "Stopped"


def test_machine_time_out_is_timed_out_and_announced(machines: Machines) -> None:
    queue, events = machines.platform.client("sqs"), machines.platform.client("events")
    url = queue.create_queue(QueueName=unique("events"))["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    queue.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [allowed]})}
    )
    rule = unique("rule")
    events.put_rule(
        Name=rule,
        EventPattern=json.dumps({"source": ["aws.states"], "detail": {"status": ["TIMED_OUT"]}}),
    )
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])
    _, state = machines.training("slow")
    execution = machines.start({"Train": state}, machines.trainer(), TimeoutSeconds=2)

    assert machines.settled(execution)["status"] == "TIMED_OUT"
    messages = support.wait_for(
        lambda: queue.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 20
    )
    assert json.loads(messages[0]["Body"])["detail"]["executionArn"] == execution
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)
    time.sleep(1.5)
    assert machines.settled(execution)["status"] == "TIMED_OUT"


def test_glue_run_is_waited_for_and_its_failure_reported(
    machines: Machines, platform: Platform
) -> None:
    glue = Glue(platform)
    role = machines.role(allow(["glue:StartJobRun", "glue:GetJobRun", "glue:BatchStopJobRun"]))
    good = task("glue:startJobRun.sync", {"JobName": glue.job()})
    result = machines.run({"Run": good}, role)
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert json.loads(result["output"])["JobRunState"] == "SUCCEEDED"

    bad = {"JobName": glue.job(), "Arguments": {"--fail": "no rows"}}
    result = machines.run({"Run": task("glue:startJobRun.sync", bad)}, role)
    assert result["error"] == "States.TaskFailed"
    assert "no rows" in json.loads(result["cause"])["ErrorMessage"]

    unknown = task("glue:startJobRun.sync", {"JobName": "no-such-job"})
    assert machines.run({"Run": unknown}, role)["error"] == "Glue.EntityNotFoundException"
    result = machines.run({"Run": good}, machines.role())
    assert (result["status"], result["error"]) == ("FAILED", "Glue.AccessDeniedException")


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_sdk_integrations_act_as_the_role(machines: Machines, language: str) -> None:
    name = f"/test/{unique('p')}"
    parameters = {"Name": name, "Type": "String", "Value": "from a state"}
    state: dict[str, Any] = task("aws-sdk:ssm:putParameter", parameters)
    if language == "JSONata":
        state["Arguments"] = {**state.pop("Parameters"), "Value": "{% 'from ' & 'a state' %}"}
    states = {"Put": {**state, "QueryLanguage": language}}
    result = machines.run(states, machines.role(allow("ssm:PutParameter")))

    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert json.loads(result["output"])["Version"] == 1
    found = machines.platform.client("ssm").get_parameter(Name=name)["Parameter"]
    assert found["Value"] == "from a state"
    denied = machines.run(states, machines.role(allow("ssm:GetParameter")))
    assert denied["error"].startswith("Ssm.")
    assert "ssm:PutParameter" in denied["cause"]
    again = machines.run(states, machines.role(allow("ssm:PutParameter")))
    assert again["error"] == "Ssm.ParameterAlreadyExistsException"


def test_optimised_integrations_act_as_the_role(machines: Machines) -> None:
    platform = machines.platform
    table = unique("table")
    platform.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    topic = platform.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    item = {"id": {"S": "one"}}
    entry = {"Source": "test", "DetailType": "Done", "Detail": {"n.$": "$.n"}}
    states = {
        "Put": task(
            "dynamodb:putItem",
            {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"},
            Next="Publish",
            ResultPath=None,
        ),
        "Publish": task(
            "sns:publish",
            {"TopicArn": topic, "Message": {"n.$": "$.n"}},
            Next="Emit",
            ResultPath=None,
        ),
        "Emit": task("events:putEvents", {"Entries": [entry]}),
    }
    everything = allow(["dynamodb:PutItem", "sns:Publish", "events:PutEvents"])
    result = machines.run(states, machines.role(everything))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert json.loads(result["output"])["FailedEntryCount"] == 0
    twice = machines.run(states, machines.role(everything))
    assert twice["error"] == "DynamoDB.ConditionalCheckFailedException"
    without = machines.run(states, machines.role(allow("dynamodb:*", "arn:aws:dynamodb:::x")))
    assert "dynamodb:PutItem" in without["cause"]


def test_task_token_is_answered_and_heartbeats_count(machines: Machines) -> None:
    queue = machines.platform.client("sqs")
    url = queue.create_queue(QueueName=unique("approvals"))["QueueUrl"]
    body = {"token.$": "$$.Task.Token"}
    parameters = {"QueueUrl": url, "MessageBody": body}
    role = machines.role(allow("sqs:SendMessage"))
    wait = task("sqs:sendMessage.waitForTaskToken", parameters)
    execution = machines.start({"Approve": wait}, role)
    message = support.wait_for(
        lambda: queue.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")
    )[0]
    token = json.loads(message["Body"])["token"]
    machines.client.send_task_success(taskToken=token, output='{"approved": true}')
    assert json.loads(machines.settled(execution)["output"]) == {"approved": True}

    silent = machines.run({"Approve": {**wait, "HeartbeatSeconds": 1}}, role)
    assert silent["error"] == "States.HeartbeatTimeout"
    denied = machines.run({"Approve": wait}, machines.role())
    assert "sqs:SendMessage" in denied["cause"].lower() or "sqs:sendmessage" in (
        denied["cause"].lower()
    )


def test_integration_that_is_not_there_fails_loudly(machines: Machines) -> None:
    state = task("sagemaker:createHyperParameterTuningJob.sync", {})
    result = machines.run({"Tune": state}, machines.role(allow("sagemaker:*")))

    assert result["status"] == "FAILED"
