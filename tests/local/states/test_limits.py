"""Executions are bounded as on AWS: their names, their payloads and what a Catch can see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from local.services.states.limits import PAYLOAD_BYTES, refusal
from tests.support import sagemaker as support
from tests.support.machines import Machines, task

LARGE = PAYLOAD_BYTES + 1


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"name": "x" * 81}, "InvalidName"),
        ({"name": "run 1"}, "InvalidName"),
        ({"name": "run:1"}, "InvalidName"),
        ({"input": "x" * LARGE}, "ValidationException"),
    ],
)
def test_an_execution_that_aws_refuses_does_not_start(request_: dict[str, Any], code: str) -> None:
    found = refusal(request_)
    assert found is not None
    assert found[0] == code


def test_its_neighbour_starts() -> None:
    assert refusal({"name": "x" * 80, "input": "x" * PAYLOAD_BYTES}) is None
    assert refusal({"name": "0af3_b1-2"}) is None


def _failed(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Code"])


@pytest.mark.platform
def test_a_name_is_used_once_and_a_bad_one_never(platform: Platform) -> None:
    machines = Machines(platform)
    role = machines.role(support.allow("s3:GetObject"))
    execution = machines.start({"End": {"Type": "Succeed"}}, role)
    found = machines.settled(execution)
    machine, name = found["stateMachineArn"], found["name"]
    start = machines.client.start_execution
    assert _failed(lambda: start(stateMachineArn=machine, name=name)) == "ExecutionAlreadyExists"
    assert _failed(lambda: start(stateMachineArn=machine, name="a b")) == "InvalidName"


@pytest.mark.platform
def test_a_result_above_the_limit_ends_the_execution_whatever_it_catches(
    platform: Platform,
) -> None:
    machines = Machines(platform)
    support.put(platform, machines.bucket, "large.txt", "x" * LARGE)
    role = machines.role(*support.bucket_access(machines.bucket))
    read = task(
        "aws-sdk:s3:getObject",
        {"Bucket": machines.bucket, "Key": "large.txt"},
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        End=True,
    )
    execution = machines.start({"Read": read, "Caught": {"Type": "Succeed"}}, role)
    found = machines.settled(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.DataLimitExceeded")
