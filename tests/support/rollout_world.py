"""A small world for roll-out tests: a stack that updates as on AWS, an endpoint, moto's stores."""

from __future__ import annotations

import datetime as dt
from typing import Any

import boto3
from botocore.exceptions import ClientError

from core.names import LEASE_KEY, OUTPUT_ENDPOINT_CONFIG
from lambdas.lease.logic import Lease
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.guardrail import Alarms
from lambdas.rollout.logic import Holder, Request, Rollout
from lambdas.rollout.serving_stack import ServingStack
from lambdas.rollout.settle import Settlement
from lambdas.shared.leases import LeaseTable
from lambdas.shared.pointer_store import PointerStore

CHAMPION, CHALLENGER = "/millrace/t/dev/models/champion", "/millrace/t/dev/models/challenger"
ROLE = "arn:aws:iam::123456789012:role/serving-deploy"
RUN = "arn:aws:states:eu-west-1:123456789012:execution:retrain:run"
GUARDS = ["t-champion-guard-errors", "t-challenger-guard-errors"]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:retrain:other"


class CloudFormation:
    """One stack with two SSM parameters, which behaves as UpdateStack does on AWS."""

    def __init__(self, ssm: Any, sagemaker: SageMaker) -> None:
        self.ssm = ssm
        self.sagemaker = sagemaker
        self.status = "CREATE_COMPLETE"
        self.updates: list[dict[str, Any]] = []
        self.serving = self._resolved()
        self.pending: dict[str, str] = {}
        self.updated_at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        self.fail_with = ""
        self.sagemaker.config = self._config()
        self.configs = {self._config()}

    def _config(self) -> str:
        """Name of the configuration for what the stack serves."""
        return self._name(self.serving)

    @staticmethod
    def _name(serving: dict[str, str]) -> str:
        return f"config-{serving[CHAMPION]}-{serving[CHALLENGER]}"

    def _resolved(self) -> dict[str, str]:
        found = self.ssm.get_parameters(Names=[CHAMPION, CHALLENGER])["Parameters"]
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        values = self.pending or self.serving
        named = {"ChampionPackage": CHAMPION, "ChallengerPackage": CHALLENGER}
        parameters: list[dict[str, str]] = [
            {"ParameterKey": key, "ParameterValue": name, "ResolvedValue": values[name]}
            for key, name in named.items()
        ]
        parameters.append({"ParameterKey": "BootstrapVersion", "ParameterValue": "/cdk/version"})
        return {
            "Stacks": [
                {
                    "StackName": StackName,
                    "StackStatus": self.status,
                    "CreationTime": self.updated_at,
                    "LastUpdatedTime": self.updated_at,
                    "Parameters": parameters,
                    "Capabilities": ["CAPABILITY_IAM"],
                    "Outputs": [
                        {"OutputKey": OUTPUT_ENDPOINT_CONFIG, "OutputValue": self._config()}
                    ],
                }
            ]
        }

    def update_stack(self, **arguments: Any) -> None:
        if self.status.endswith("_IN_PROGRESS"):
            raise _refused(f"Stack:arn is in {self.status} state and can not be updated.")
        if self._resolved() == self.serving:
            raise _refused("No updates are to be performed.")
        self.updates.append(arguments)
        self.pending = self._resolved()
        self.updated_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
        self.status = "UPDATE_IN_PROGRESS"

    def finish(self, failure: str = "", *, unnoticed: str = "") -> None:
        """End the update; ``unnoticed`` is the reason of a rollback of the endpoint alone."""
        if not self.pending and not failure:
            return
        if self.pending and self.sagemaker.config not in self.configs | {self._name(self.pending)}:
            failure = f"Could not find endpoint configuration {self.sagemaker.config}"
        if failure:
            self.fail_with, self.status = failure, "UPDATE_ROLLBACK_COMPLETE"
        else:
            self.serving, self.status = self.pending, "UPDATE_COMPLETE"
            self.sagemaker.failure = unnoticed
            if not unnoticed:
                self.sagemaker.config = self._config()
            # The clean-up of a complete update deletes what it replaced.
            self.configs = {self._config()}
        self.pending = {}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        stack = {"StackId": "s", "PhysicalResourceId": "s", "LogicalResourceId": StackName}
        failed = {"StackId": "s", "ResourceStatus": "UPDATE_FAILED"}
        return {
            "StackEvents": [
                {**stack, "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
                {
                    **failed,
                    "LogicalResourceId": "Alarm",
                    "ResourceStatusReason": "Resource update cancelled",
                },
                {**failed, "LogicalResourceId": "Endpoint", "ResourceStatusReason": self.fail_with},
                {**stack, "ResourceStatus": "UPDATE_IN_PROGRESS"},
                {**failed, "LogicalResourceId": "Old", "ResourceStatusReason": "last year"},
            ]
        }


def _refused(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")


class SageMaker:
    """One endpoint, or none."""

    status = "InService"
    variants: tuple[str, ...] = ("champion", "challenger")
    config = ""
    failure = ""

    def __init__(self) -> None:
        self.weights: list[dict[str, Any]] = []
        self.share = 0.0
        self.modified_at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.status == "Absent":
            message = f'Could not find endpoint "{EndpointName}".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "D")
        shares = {"champion": 1 - self.share, "challenger": self.share}
        return {
            "EndpointStatus": self.status,
            "EndpointConfigName": self.config,
            "LastModifiedTime": self.modified_at,
            "ProductionVariants": [
                {"VariantName": variant, "CurrentWeight": shares[variant]}
                for variant in self.variants
            ],
            **({"FailureReason": self.failure} if self.failure else {}),
        }

    def update_endpoint_weights_and_capacities(self, **arguments: Any) -> None:
        self.weights.append(arguments)
        self.share = arguments["DesiredWeightsAndCapacities"][1]["DesiredWeight"]
        self.modified_at = dt.datetime.now(dt.UTC)


class CloudWatch:
    """Alarms that ring now, and alarms that rang."""

    def __init__(self) -> None:
        self.ringing: list[str] = []
        self.rang: dict[str, dt.datetime] = {}

    def describe_alarms(self, AlarmNames: list[str], StateValue: str) -> dict[str, Any]:  # noqa: N803
        assert StateValue == "ALARM"
        found = [name for name in AlarmNames if name in self.ringing]
        return {"MetricAlarms": [{"AlarmName": name} for name in found]}

    def describe_alarm_history(self, **arguments: Any) -> dict[str, Any]:
        at = self.rang.get(arguments["AlarmName"])
        if at is None or at < arguments["StartDate"]:
            return {"AlarmHistoryItems": []}
        changes = ("Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM")
        return {"AlarmHistoryItems": [{"HistorySummary": change} for change in changes]}


class World:
    """Everything a roll-out touches, with moto for SSM and DynamoDB."""

    def __init__(self) -> None:
        self.ssm = boto3.client("ssm")
        for name in (CHAMPION, CHALLENGER):
            self.ssm.put_parameter(Name=name, Value="seed", Type="String")
        table = boto3.resource("dynamodb").create_table(
            TableName="lease",
            KeySchema=[{"AttributeName": LEASE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": LEASE_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.sagemaker, self.cloudwatch = SageMaker(), CloudWatch()
        self.cloudformation = CloudFormation(self.ssm, self.sagemaker)
        parameters = {"champion": CHAMPION, "challenger": CHALLENGER}
        lease_table = LeaseTable(table)
        self.lease = Lease(lease_table, 600, 0)
        self.rollout = Rollout(
            PointerStore(self.ssm, parameters),
            ServingStack(self.cloudformation, "serving", ROLE, parameters),
            Endpoint(self.sagemaker, "flights-dev"),
            lease_table,
        )
        self.settlement = Settlement(
            pointers=self.rollout.pointers,
            stack=self.rollout.stack,
            endpoint=self.rollout.endpoint,
            lease=lease_table,
            alarms=Alarms(self.cloudwatch, GUARDS),
            settled_share=0.0,
        )
        self.fencing = self.lease.acquire(RUN)["fencing"]

    @property
    def holder(self) -> Holder:
        """The execution that holds the lease."""
        return Holder(RUN, self.fencing)

    def start(self, operation: str, package: str = "", **changes: Any) -> dict[str, Any]:
        given = {"execution_id": RUN, "fencing": self.fencing, **changes}
        return self.rollout.start(Request(operation, package, Holder(**given)))

    def settle(self, *, failure: str = "") -> dict[str, Any]:
        """Settle as the flow does, each update ending at once; the last answer.

        ``failure`` makes the first update fail.
        """
        for _ in range(10):
            answer = self.settlement.step(self.holder, forward=False)
            if answer["state"] != "in_progress":
                return answer
            if self.cloudformation.pending:
                self.cloudformation.finish(failure)
                failure = ""
        raise AssertionError(answer)

    def reconcile(self, ended: str = "") -> dict[str, Any]:
        return self.settlement.reconcile(ended)

    def pointers(self) -> tuple[str, str]:
        found = self.rollout.pointers.read()
        return found["champion"].package_arn, found["challenger"].package_arn

    def serving(self) -> tuple[str, str]:
        return self.cloudformation.serving[CHAMPION], self.cloudformation.serving[CHALLENGER]
