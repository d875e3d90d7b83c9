"""RedriveExecution on the emulator: what goes on, what is counted, what fails again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.platform import Platform
from tests.support.machines import Machines, task
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def machines(platform: Platform) -> Machines:
    """State machines on the emulator."""
    return Machines(platform)


def _redriven(machines: Machines, execution: str) -> dict[str, Any]:
    machines.client.redrive_execution(executionArn=execution)
    return machines.settled(execution)


def test_a_redrive_goes_on_at_the_failed_state_and_counts(machines: Machines) -> None:
    """The name is another at each redrive, as names of jobs have to be."""
    ssm, base = machines.platform.client("ssm"), f"/{unique('redrive')}"
    name = f"States.Format('{base}/{{}}{{}}', $$.Execution.RedriveCount, $$.State.RetryCount)"
    read = task("aws-sdk:ssm:getParameter", {"Name.$": name})
    first = {"Type": "Pass", "Result": {"kept": True}, "ResultPath": "$.first", "Next": "Read"}
    role = machines.role(allow("ssm:GetParameter", f"arn:aws:ssm:*:*:parameter{base}/*"))
    read["ResultPath"] = "$.read"
    execution = machines.start({"First": first, "Read": read}, role)
    assert machines.settled(execution)["status"] == "FAILED"
    ssm.put_parameter(Name=f"{base}/10", Value="there", Type="String")
    found = _redriven(machines, execution)
    assert found["status"] == "SUCCEEDED"
    output = json.loads(found["output"])
    assert output["first"] == {"kept": True}
    assert output["read"]["Parameter"]["Value"] == "there"
    with pytest.raises(machines.client.exceptions.ExecutionNotRedrivable):
        machines.client.redrive_execution(executionArn=execution)


def test_a_redrive_of_a_fail_state_fails_again(machines: Machines) -> None:
    execution = machines.start({"End": {"Type": "Fail", "Error": "No"}}, machines.role())
    assert machines.settled(execution)["status"] == "FAILED"
    assert _redriven(machines, execution)["error"] == "No"


def test_a_redrive_has_the_whole_time_again(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": 2, "End": True}
    execution = machines.start({"Wait": wait}, machines.role(), TimeoutSeconds=1)
    assert machines.settled(execution)["status"] == "TIMED_OUT"
    assert _redriven(machines, execution)["status"] == "TIMED_OUT"
