"""A small world for roll-out tests: a stack that updates as on AWS, an endpoint, moto's stores."""

from __future__ import annotations

import datetime as dt
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.lease.logic import Lease
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.logic import Request, Rollout
from lambdas.rollout.serving_stack import ServingStack
from lambdas.shared.leases import LeaseTable
from lambdas.shared.names import LEASE_KEY
from lambdas.shared.pointer_store import PointerStore

CHAMPION, CHALLENGER = "/millrace/t/dev/models/champion", "/millrace/t/dev/models/challenger"
ROLE = "arn:aws:iam::123456789012:role/serving-deploy"
RUN = "arn:aws:states:eu-west-1:123456789012:execution:retrain:run"
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:retrain:other"


class CloudFormation:
    """One stack with two SSM parameters, which behaves as UpdateStack does on AWS."""

    def __init__(self, ssm: Any) -> None:
        self.ssm = ssm
        self.status = "CREATE_COMPLETE"
        self.updates: list[dict[str, Any]] = []
        self.serving = self._resolved()
        self.pending: dict[str, str] = {}
        self.updated_at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        self.fail_with = ""

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

    def finish(self, failure: str = "") -> None:
        if failure:
            self.fail_with, self.status = failure, "UPDATE_ROLLBACK_COMPLETE"
        elif self.pending:
            self.serving, self.status = self.pending, "UPDATE_COMPLETE"
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

    def __init__(self) -> None:
        self.weights: list[dict[str, Any]] = []

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.status == "Absent":
            message = f'Could not find endpoint "{EndpointName}".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "D")
        return {
            "EndpointStatus": self.status,
            "ProductionVariants": [{"VariantName": variant} for variant in self.variants],
        }

    def update_endpoint_weights_and_capacities(self, **arguments: Any) -> None:
        self.weights.append(arguments)


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
        self.cloudformation, self.sagemaker = CloudFormation(self.ssm), SageMaker()
        parameters = {"champion": CHAMPION, "challenger": CHALLENGER}
        lease_table = LeaseTable(table)
        self.lease = Lease(lease_table, 600, 0)
        self.rollout = Rollout(
            PointerStore(self.ssm, parameters),
            ServingStack(self.cloudformation, "serving", ROLE, parameters),
            Endpoint(self.sagemaker, "flights-dev"),
            lease_table,
        )
        self.fencing = self.lease.acquire(RUN)["fencing"]

    def start(self, operation: str, package: str = "", **changes: Any) -> dict[str, Any]:
        given = {"execution_id": RUN, "fencing": self.fencing, **changes}
        return self.rollout.start(Request(operation, package, **given))

    def pointers(self) -> tuple[str, str]:
        found = self.rollout.pointers.read()
        return found["champion"].package_arn, found["challenger"].package_arn

    def serving(self) -> tuple[str, str]:
        return self.cloudformation.serving[CHAMPION], self.cloudformation.serving[CHALLENGER]
