"""What a schedule asks for, how often it tries, and what it leaves in the dead-letter queue."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from local.emulator import sdk_calls, service_roles
from local.services.scheduler import deliveries

SCHEDULE = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/hourly"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:failed"
ROLE = "arn:aws:iam::123456789012:role/caller"
TARGETS = {
    "arn:aws:lambda:eu-west-1:123456789012:function:reconcile": "Invoke",
    "arn:aws:states:eu-west-1:123456789012:stateMachine:retrain": "StartExecution",
    "arn:aws:sns:eu-west-1:123456789012:alerts": "Publish",
    QUEUE: "SendMessage",
    "arn:aws:scheduler:::aws-sdk:glue:startJobRun": "StartJobRun",
    "arn:aws:scheduler:::aws-sdk:sfn:startExecution": "StartExecution",
}


class FakeClient:
    """Fails as told, then succeeds; remembers what it was asked."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.buried: list[dict[str, Any]] = []

    def _make_api_call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0), "Message": "no"}}, name)
        return {}

    def send_message(self, **request: Any) -> None:
        self.buried.append(request)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(deliveries._stopping, "wait", lambda pause: pauses.append(pause) or False)
    return pauses


def _deliver(client: FakeClient, monkeypatch: pytest.MonkeyPatch, **policy: int) -> FakeClient:
    monkeypatch.setattr(service_roles, "client_as", lambda *_: client)
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun",
        "RoleArn": ROLE,
        "Input": '{"JobName": "curate", "Arguments": {"--try": "<aws.scheduler.attempt-number>"}}',
        "DeadLetterConfig": {"Arn": QUEUE},
        "RetryPolicy": policy,
    }
    deliveries.deliver(deliveries.Delivery(schedule=SCHEDULE, target=target))
    return client


@pytest.mark.parametrize(("arn", "operation"), TARGETS.items())
def test_each_target_becomes_a_valid_request(arn: str, operation: str) -> None:
    payload = '{"JobName": "curate"}' if "glue" in arn else '{"stateMachineArn": "x"}'
    service, name, arguments = deliveries.call_of({"Arn": arn}, payload)
    assert name == operation
    shape = sdk_calls.operation(service, name).input_shape
    assert not ParamValidator().validate(arguments, shape).has_errors()


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:scheduler:::aws-sdk:glue:launchJobRun",
        "arn:aws:scheduler:::aws-sdk:nosuch:startJobRun",
        "arn:aws:ecs:eu-west-1:123456789012:cluster/batch",
    ],
)
def test_a_target_that_names_no_call_is_refused(arn: str) -> None:
    with pytest.raises(sdk_calls.UnknownCallError):
        deliveries.call_of({"Arn": arn}, "{}")


def test_a_busy_service_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, no_pause: list[float]
) -> None:
    busy = ["ThrottlingException", "ConcurrentRunsExceededException"]
    client = _deliver(FakeClient(*busy), monkeypatch, MaximumRetryAttempts=3)
    attempts = [arguments["Arguments"]["--try"] for _, arguments in client.calls]
    assert (attempts, client.buried, no_pause) == (["1", "2", "3"], [], [1, 2])


@pytest.mark.parametrize(
    ("codes", "policy", "exhausted", "retries"),
    [
        (["InternalFailure"] * 3, {"MaximumRetryAttempts": 2}, "MaximumRetryAttempts", "2"),
        (["InternalFailure"], {"MaximumEventAgeInSeconds": 0}, "MaximumEventAgeInSeconds", "0"),
        (["AccessDeniedException"], {"MaximumRetryAttempts": 2}, None, "0"),
        (["EntityNotFoundException"], {"MaximumRetryAttempts": 2}, None, "0"),
    ],
)
def test_what_cannot_be_delivered_is_buried(
    monkeypatch: pytest.MonkeyPatch,
    codes: list[str],
    policy: dict[str, int],
    exhausted: str | None,
    retries: str,
) -> None:
    client = _deliver(FakeClient(*codes), monkeypatch, **policy)
    assert len(client.calls) == len(codes)
    (letter,) = client.buried
    facts = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert facts["ERROR_CODE"] == codes[-1]
    assert facts.get("EXHAUSTED_RETRY_CONDITION") == exhausted
    assert (facts["RETRY_ATTEMPTS"], facts["SCHEDULE_ARN"]) == (retries, SCHEDULE)
    assert letter["QueueUrl"].endswith("/123456789012/failed")
