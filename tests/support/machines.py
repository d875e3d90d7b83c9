"""State machines for tests of executions."""

from __future__ import annotations

import json
from typing import Any

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.jobs import FAILING, SLOW, TRAIN, training_request
from tests.support.sagemaker import allow, unique

TRAINING_ACTIONS = [
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:StopTrainingJob",
]


class Machines:
    """State machines and what they start."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.client = platform.client("stepfunctions")
        self.sagemaker = platform.client("sagemaker")
        self.bucket = support.make_bucket(platform)
        self.job_role = support.make_role(
            platform, "sagemaker.amazonaws.com", support.bucket_access(self.bucket)
        )
        support.put(platform, self.bucket, "train/rows.csv", "1\n")
        for script, text in (("train", TRAIN), ("failing", FAILING), ("slow", SLOW)):
            body = support.archive({"train.py": text})
            support.put(platform, self.bucket, f"{script}.tar.gz", body)

    def role(self, *statements: dict[str, Any]) -> str:
        return support.make_role(self.platform, "states.amazonaws.com", list(statements))

    def start(self, states: dict[str, Any], role: str, **definition: Any) -> str:
        first = next(iter(states))
        machine = self.client.create_state_machine(
            name=unique("machine"),
            roleArn=role,
            definition=json.dumps({"StartAt": first, "States": states, **definition}),
        )["stateMachineArn"]
        execution = self.client.start_execution(stateMachineArn=machine, input='{"n": 1}')
        return str(execution["executionArn"])

    def settled(self, execution: str, seconds: float = 60) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return support.wait_for(probe, seconds)

    def run(self, states: dict[str, Any], role: str, **definition: Any) -> dict[str, Any]:
        return self.settled(self.start(states, role, **definition))

    def training(self, script: str, **more: Any) -> tuple[str, dict[str, Any]]:
        request = training_request(self.bucket, self.job_role, script)
        return request["TrainingJobName"], task("sagemaker:createTrainingJob.sync", request, **more)

    def trainer(self) -> str:
        return self.role(allow(TRAINING_ACTIONS), allow("iam:PassRole", self.job_role))


def task(action: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{action}",
        "Parameters": parameters,
        **({} if "Next" in more else {"End": True}),
        **more,
    }
