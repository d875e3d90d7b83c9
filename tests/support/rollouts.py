"""What the roll-out stories do to a deployment: models made by hand, and calls of its functions."""

from __future__ import annotations

import json
import uuid
from functools import cached_property
from typing import Any

from bundles.archives import archive, contract_bytes
from config.contract import example_record
from core import names
from core.names import CHALLENGER, CHAMPION, LEASE_KEY, LEASE_RETRAINING
from local.platform import Platform
from operations.deployed import Deployed
from operations.subject import Subject
from stacks.training.seed_model import serving_code
from tests.support.deployments import subject_of
from tests.support.probe_stack import wait_for

SETTLED_SECONDS = 90.0
ROWS = 1000


class World:
    """One deployed instance, its functions called as Step Functions and EventBridge call them."""

    def __init__(self, platform: Platform, environment: str) -> None:
        self.platform = platform
        self.answers: dict[str, float] = {}
        self.subject: Subject = subject_of(platform, environment)

    def client(self, service: str) -> Any:
        """A client as the operator."""
        return self.platform.client(service)

    @cached_property
    def machine(self) -> str:
        """ARN of the retraining state machine."""
        return self.subject.deployed.state_machine("training")

    def function_name(self, function: str) -> str:
        """Name of a function of the training stack."""
        deployed = self.subject.deployed
        return deployed.one("AWS::Lambda::Function", "training", f"Functions{function}")

    def function_arn(self, function: str) -> str:
        """ARN of a function of the training stack."""
        name = self.function_name(function)
        found = self.client("lambda").get_function_configuration(FunctionName=name)
        return str(found["FunctionArn"])

    def _invoke(self, function: str, event: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        name = self.function_name(function)
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return "FunctionError" not in answer, dict(json.loads(answer["Payload"].read()))

    def call(self, function: str, **event: Any) -> dict[str, Any]:
        """Invoke a function of the training stack; fails with what it raised."""
        succeeded, answer = self._invoke(function, event)
        assert succeeded, answer
        return answer

    def refused(self, function: str, **event: Any) -> str:
        """Class of the error that a function raises, which is what a state machine matches."""
        succeeded, answer = self._invoke(function, event)
        assert not succeeded, answer
        return str(answer["errorType"])

    # -- models ---------------------------------------------------------------------------------

    def register(self, probability: float, code: bytes | None = None) -> str:
        """A package that answers one probability, registered through the registry function.

        ``code`` replaces the serving code's entry point.
        """
        run_id = f"story-{uuid.uuid4().hex[:8]}"
        contract = self.subject.deployment.contract
        model = {"kind": "constant", "output": probability}
        files = {"model.json": json.dumps(model).encode(), **serving_code("binary")}
        if code is not None:
            files["code/inference.py"] = code
        path = archive("model.tar.gz", files | {names.CONTRACT_FILE: contract_bytes(contract)})
        key = f"{self.subject.scope.below(names.ARTIFACTS_MODELS)}{run_id}/output/model.tar.gz"
        bucket = self.subject.deployed.bucket("artifacts")
        evaluation = {"candidate": {"rows": ROWS}, "difference": {}}
        s3 = self.subject.session.client("s3")  # as the break-glass role
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        s3.put_object(
            Bucket=bucket,
            Key=f"{self.subject.scope.below(names.ARTIFACTS_EVALUATIONS)}{run_id}/{names.EVALUATION_FILE}",
            Body=json.dumps(evaluation).encode(),
        )
        answer = self.call(
            "registry",
            operation="register",
            run_id=run_id,
            training_job=run_id,
            model_data_url=f"s3://{bucket}/{key}",
            snapshots=dict.fromkeys(names.STREAMS, "1"),
        )
        package = str(answer["package_arn"])
        self.answers[package] = probability
        return package

    def promoted(self) -> tuple[str, float]:
        """A promoted package that was registered here, and its answer.

        Most stories end with one: another is promoted only where they do not.
        """
        package = self.pointer(CHAMPION)
        if package not in self.answers or not self.serves(package):
            wait_for(lambda: "owner" not in self.lease(), SETTLED_SECONDS, "a free lease")
            package = self.register(0.4375)
            self.promote(package)
        answer = self.answers[package]
        assert self.probabilities() == (answer, answer)
        return package, answer

    def promote(self, package: str) -> None:
        """Roll a package out as the state machine does: lease, promotion, status, release."""
        execution = f"story-{uuid.uuid4().hex}"
        lease = self.call("lease", operation="acquire", execution_id=execution)
        assert lease["acquired"], lease
        request = {"execution_id": execution, "fencing": lease["fencing"], "package_arn": package}
        outcome = "failed"
        try:
            assert self.call("rollout", operation="start_promotion", **request)["started"]
            self.settle()
            outcome = "promoted"
        finally:
            self.call("lease", operation="release", execution_id=execution, outcome=outcome)

    def serves(self, package: str) -> bool:
        """Whether both pointers name a package and the stack is at rest with it."""
        named = {self.pointer(CHAMPION), self.pointer(CHALLENGER)}
        return (
            named == {package} and self.call("rollout", operation="status")["state"] == "complete"
        )

    def reconcile(self) -> bool:
        """Ask for reconciliation, as schedule and EventBridge do; they may be quicker.

        Returns whether there is nothing left to do.
        """
        succeeded, answer = self._invoke("rollout", {"operation": "reconcile"})
        assert succeeded or answer["errorType"] == "StackBusy", answer
        return succeeded and answer["state"] == "settled"

    def settle(self) -> None:
        """Wait until the stack serves what the pointers name; fails when its update failed."""

        def complete() -> bool:
            if not self.at_rest():
                return False
            status = self.call("rollout", operation="status")
            assert status["state"] != "failed", status
            return bool(status["state"] == "complete")

        wait_for(complete, SETTLED_SECONDS, "a complete roll-out")

    def seed(self) -> str:
        """ARN of the seed package that the training stack holds now."""
        deployed = Deployed.read(self.client("cloudformation"), self.subject.scope)
        return deployed.one("AWS::SageMaker::ModelPackage", "training")

    # -- what is ----------------------------------------------------------------------------------

    def probability(self, variant: str) -> float:
        """What the API answers when asked for a variant."""
        body = json.dumps(example_record(self.subject.deployment.contract["event"]))
        headers = {names.VARIANT_HEADER: variant}
        answer = self.subject.call_api("POST", names.ROUTE_PREDICTIONS, body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["variant"] == variant
        return float(answer.json()["probability"])

    def probabilities(self) -> tuple[float, float]:
        """What champion and challenger answer."""
        return self.probability(CHAMPION), self.probability(CHALLENGER)

    def pointer(self, variant: str) -> str:
        """ARN of the package that a pointer names."""
        name = self.subject.scope.pointer(variant)
        return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def write_pointer(self, variant: str, package: str) -> None:
        """Move a pointer and nothing else: what a crash in the middle of a roll-out leaves."""
        name = self.subject.scope.pointer(variant)
        self.client("ssm").put_parameter(Name=name, Value=package, Type="String", Overwrite=True)

    def serving_status(self) -> str:
        """State of the serving stack."""
        name = self.subject.scope.stack(self.subject.deployed.stack("serving"))
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return str(stack["StackStatus"])

    def at_rest(self) -> bool:
        """Whether the serving stack is not being updated: one request, a function makes ten."""
        return not self.serving_status().endswith("_IN_PROGRESS")

    def lease(self) -> dict[str, Any]:
        """The lease item, typed as DynamoDB gives it."""
        (table,) = self.subject.deployed.of_type("AWS::DynamoDB::Table", "training")
        key = {LEASE_KEY: {"S": LEASE_RETRAINING}}
        answer = self.client("dynamodb").get_item(
            TableName=table.physical_id, Key=key, ConsistentRead=True
        )
        return dict(answer.get("Item", {}))

    # -- executions -------------------------------------------------------------------------------

    def start(self) -> str:
        """Trigger a retraining; ARN of the execution."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=f"story-{uuid.uuid4().hex[:8]}", input="{}"
        )
        return str(answer["executionArn"])

    def run_under_the_flows_role(self, definition: dict[str, Any]) -> str:
        """Run another state machine with the permissions of the flow's; ARN of the execution."""
        client = self.client("stepfunctions")
        flow = client.describe_state_machine(stateMachineArn=self.machine)
        machine = client.create_state_machine(
            name=f"story-{uuid.uuid4().hex[:8]}",
            definition=json.dumps(definition),
            roleArn=flow["roleArn"],
        )
        answer = client.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")
        return str(answer["executionArn"])

    def roll_out(
        self, package: str, *, pause: int = 0, hold: int = 0, timeout: int | None = None
    ) -> str:
        """Run the deployed flow from its lease to its end, without data and training.

        Args:
            package: what to roll out.
            pause: seconds to wait before the roll-out, while the lease is held.
            hold: seconds to wait while the challenger has its share of the traffic.
            timeout: seconds after which the execution times out.

        Returns:
            ARN of the execution.
        """
        client = self.client("stepfunctions")
        machine = client.describe_state_machine(stateMachineArn=self.machine)
        definition = json.loads(machine["definition"])
        states = definition["States"]
        given = {
            "request": {"run_id": f"story-{uuid.uuid4().hex[:8]}", "reason": "story"},
            "package": {"value": {"package_arn": package}},
            "champion": {"value": {"package_arn": self.pointer(CHAMPION)}},
        }
        states["Given"] = {"Type": "Pass", "Result": given, "Next": "AcquireLease"}
        states["Pause"] = {"Type": "Wait", "Seconds": pause, "Next": "AcquireAgain"}
        states["Hold"] = {"Type": "Wait", "Seconds": hold, "Next": "Guardrail"}
        states["ExperimentWeight"]["Next"] = "Hold"
        for rule in states["TidyComplete"]["Choices"]:
            rule["Next"] = "Pause" if rule["Next"] == "Curate" else rule["Next"]
        definition["StartAt"] = "Given"
        definition["TimeoutSeconds"] = timeout or definition["TimeoutSeconds"]
        return self.run_under_the_flows_role(definition)

    def redrive(self, execution: str) -> None:
        """Redrive an ended execution, as a person does in the console."""
        self.client("stepfunctions").redrive_execution(executionArn=execution)

    def tell_of_the_end(self, execution: str) -> None:
        """Call what EventBridge calls when an execution of the flow ends without success."""
        event = {
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": execution, "status": self.status(execution)},
        }
        for function in ("rollout", "lease"):
            succeeded, answer = self._invoke(function, event)
            assert succeeded or answer["errorType"] == "StackBusy", answer

    def error(self, execution: str) -> str:
        """Error that an execution ended with."""
        answer = self.client("stepfunctions").describe_execution(executionArn=execution)
        return str(answer.get("error", ""))

    def challenger_share(self) -> float:
        """The challenger's share of the traffic."""
        name = self.subject.deployed.endpoint()
        found = self.client("sagemaker").describe_endpoint(EndpointName=name)
        weights = {v["VariantName"]: v["CurrentWeight"] for v in found["ProductionVariants"]}
        return float(weights[CHALLENGER] / sum(weights.values()))

    def fail(self, variant: str, requests: int) -> int:
        """Ask a variant so often; how many requests got a 5xx."""
        body = json.dumps(example_record(self.subject.deployment.contract["event"]))
        headers = {names.VARIANT_HEADER: variant}
        answers = [
            self.subject.call_api("POST", names.ROUTE_PREDICTIONS, body, headers=headers)
            for _ in range(requests)
        ]
        return sum(answer.status_code >= 500 for answer in answers)

    def status(self, execution: str) -> str:
        """Status of an execution."""
        answer = self.client("stepfunctions").describe_execution(executionArn=execution)
        return str(answer["status"])

    def states(self, execution: str) -> list[str]:
        """States that an execution entered, in order."""
        client = self.client("stepfunctions")
        pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]

    def stop(self, execution: str) -> None:
        """Stop an execution, as a person does in the console."""
        self.client("stepfunctions").stop_execution(executionArn=execution)
