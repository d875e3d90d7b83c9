"""Roll-outs against a small model of CloudFormation: what crashes and failures may not break."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.lease.logic import Lease
from lambdas.rollout import handler as functions
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.logic import Request, Rollout, share
from lambdas.rollout.serving_stack import ServingStack
from lambdas.shared.errors import BadRequestError, LeaseLost, StackBusy
from lambdas.shared.leases import LeaseTable
from lambdas.shared.names import LEASE_KEY
from lambdas.shared.pointer_store import PointerStore
from tests.unit.conftest import KEEP_SESSION

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
    variants = ("champion", "challenger")

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


@pytest.fixture
def world(aws_environment: None) -> Iterator[World]:
    with mock_aws(config=KEEP_SESSION):
        yield World()


def test_a_challenger_is_rolled_out_with_the_previous_template(world: World) -> None:
    answer = world.start("start_challenger", "new")
    assert answer == {
        "started": True,
        "previous": {"champion": "seed", "challenger": "seed"},
        "target": {"champion": "seed", "challenger": "new"},
    }
    update = world.cloudformation.updates[0]
    assert update["UsePreviousTemplate"] is True
    assert update["RoleARN"] == ROLE
    assert update["Capabilities"] == ["CAPABILITY_IAM"]
    keys = {parameter["ParameterKey"] for parameter in update["Parameters"]}
    assert keys == {"ChampionPackage", "ChallengerPackage", "BootstrapVersion"}
    assert all(parameter["UsePreviousValue"] for parameter in update["Parameters"])
    assert world.rollout.status()["state"] == "in_progress"
    world.cloudformation.finish()
    assert world.rollout.status()["state"] == "complete"
    assert world.serving() == ("seed", "new")


@pytest.mark.parametrize("package", ["", "new"])
def test_a_promotion_makes_the_challenger_the_champion(world: World, package: str) -> None:
    world.start("start_challenger", "new")
    world.cloudformation.finish()
    assert world.start("start_promotion", package)["started"]
    world.cloudformation.finish()
    assert world.serving() == ("new", "new")


def test_a_promotion_without_an_experiment_takes_the_package_given(world: World) -> None:
    world.start("start_promotion", "new")
    assert world.pointers() == ("new", "new")


def test_nothing_to_do_is_no_update_and_complete(world: World) -> None:
    answer = world.start("start_rollback")
    assert answer["started"] is False
    assert world.rollout.status()["state"] == "complete"


def test_a_rollback_of_the_experiment_leaves_the_champion(world: World) -> None:
    world.start("start_challenger", "new")
    world.cloudformation.finish()
    world.start("start_rollback")
    world.cloudformation.finish()
    assert world.serving() == ("seed", "seed")


def test_a_rollback_of_the_own_promotion_restores_the_champion_even_when_repeated(
    world: World,
) -> None:
    world.start("start_promotion", "new")
    world.cloudformation.finish()
    for _ in range(2):
        assert world.start("start_rollback")["previous"]["champion"] == "new"
        assert world.pointers() == ("seed", "seed")
        world.cloudformation.finish()


def test_a_rollback_to_a_named_package(world: World) -> None:
    world.start("start_rollback", "last-known-good")
    assert world.pointers() == ("last-known-good", "last-known-good")


def test_a_busy_stack_is_worth_a_retry_which_still_knows_the_previous_packages(
    world: World,
) -> None:
    world.cloudformation.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    with pytest.raises(StackBusy, match="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
        world.start("start_promotion", "new")
    world.cloudformation.status = "UPDATE_COMPLETE"
    answer = world.start("start_promotion", "new")
    assert answer["started"]
    assert answer["previous"] == {"champion": "seed", "challenger": "seed"}


def test_a_changing_endpoint_is_waited_for(world: World) -> None:
    world.sagemaker.status = "Updating"
    with pytest.raises(StackBusy):
        world.start("start_challenger", "new")
    assert world.cloudformation.updates == []
    assert world.rollout.reconcile()["reason"] == "busy"


@pytest.mark.parametrize("changes", [{"fencing": 99}, {"execution_id": OTHER}])
def test_without_the_lease_no_pointer_moves(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(LeaseLost):
        world.start("start_challenger", "new", **changes)
    assert world.pointers() == ("seed", "seed")
    assert world.cloudformation.updates == []


def test_a_lease_lost_between_two_writes_stops_the_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = world.rollout.pointers.write

    def write_and_lose(variant: str, package: str) -> None:
        write(variant, package)
        world.lease.release(RUN, "failed")
        world.lease.acquire(OTHER)

    monkeypatch.setattr(world.rollout.pointers, "write", write_and_lose)
    with pytest.raises(LeaseLost):
        world.start("start_promotion", "new")
    assert world.cloudformation.updates == []


def test_a_failed_update_says_which_resource_failed_first(world: World) -> None:
    world.start("start_challenger", "broken")
    world.cloudformation.finish(failure="model did not pass its ping")
    assert world.rollout.status() == {
        "state": "failed",
        "reason": "UPDATE_ROLLBACK_COMPLETE: Endpoint: model did not pass its ping",
    }


def test_after_a_failed_update_the_pointers_go_back_and_a_later_status_is_complete(
    world: World,
) -> None:
    world.start("start_challenger", "broken")
    world.cloudformation.finish(failure="no")
    assert world.rollout.reconcile()["reason"] == "an execution holds the lease"
    world.lease.release(RUN, "failed")
    answer = world.rollout.reconcile()
    assert answer == {"changed": True, "reason": "returned after a failed update: ['challenger']"}
    assert world.pointers() == world.serving() == ("seed", "seed")
    assert world.rollout.status()["state"] == "complete"
    assert world.rollout.reconcile()["changed"] is False


def test_after_a_crash_between_pointer_and_update_reconcile_finishes_the_roll_out(
    world: World,
) -> None:
    world.rollout.pointers.write("champion", "new")
    world.rollout.pointers.write("challenger", "new")
    world.lease.release_stopped({"status": "ABORTED", "executionArn": RUN})
    assert world.rollout.reconcile()["changed"] is True
    world.cloudformation.finish()
    assert world.serving() == ("new", "new")
    assert world.rollout.reconcile() == {
        "changed": False,
        "reason": "pointers and stack agree",
    }


def test_a_failed_deploy_leaves_champion_and_pointers_alone(world: World) -> None:
    world.start("start_promotion", "new")
    world.cloudformation.finish()
    world.lease.release(RUN, "promoted")
    world.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    assert world.rollout.reconcile()["changed"] is False
    assert world.pointers() == world.serving() == ("new", "new")


def test_a_broken_stack_is_left_to_a_person(world: World) -> None:
    world.rollout.pointers.write("champion", "new")
    world.lease.release(RUN, "failed")
    world.cloudformation.status = "UPDATE_ROLLBACK_FAILED"
    assert world.rollout.status()["state"] == "failed"
    assert "repair it first" in world.rollout.reconcile()["reason"]


def test_a_stack_without_the_champions_parameter_is_named(world: World) -> None:
    stack = ServingStack(world.cloudformation, "serving", ROLE, {"champion": "/elsewhere"})
    with pytest.raises(LookupError, match="stack serving takes no parameter"):
        stack.describe()


def test_weights_are_set_on_both_variants(world: World) -> None:
    assert world.rollout.endpoint.set_challenger_weight(0.25)
    assert world.sagemaker.weights[0]["DesiredWeightsAndCapacities"] == [
        {"VariantName": "champion", "DesiredWeight": 0.75},
        {"VariantName": "challenger", "DesiredWeight": 0.25},
    ]
    world.sagemaker.status = "Updating"
    with pytest.raises(StackBusy):
        world.rollout.endpoint.set_challenger_weight(0.1)


def test_no_challenger_or_no_endpoint_is_no_weight(world: World) -> None:
    world.sagemaker.variants = ("champion",)
    assert not world.rollout.endpoint.set_challenger_weight(0.1)
    world.sagemaker.status = "Absent"
    assert not world.rollout.endpoint.set_challenger_weight(0.1)
    assert not Endpoint(world.sagemaker, "").set_challenger_weight(0.1)
    assert world.sagemaker.weights == []


def test_a_share_is_a_number_or_a_name() -> None:
    named = {"experiment": 0.1, "settled": 0.0}
    assert (share(1, named), share("experiment", named), share("settled", named)) == (1, 0.1, 0)
    for wrong in (1.5, -0.1, True, "most", None):
        with pytest.raises(BadRequestError, match=r"allowed: 0 to 1, experiment, settled"):
            share(wrong, named)


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "CHAMPION_PARAMETER": CHAMPION,
        "CHALLENGER_PARAMETER": CHALLENGER,
        "SERVING_STACK": "serving",
        "SERVING_DEPLOY_ROLE_ARN": ROLE,
        "ENDPOINT_NAME": "flights-dev",
        "LEASE_TABLE": "lease",
        "EXPERIMENT_WEIGHT": "0.1",
        "CHALLENGER_WEIGHT": "0",
    }.items():
        monkeypatch.setenv(f"MILLRACE_{name}", value)
    functions._environment.cache_clear()
    monkeypatch.setattr(functions, "_rollout", lambda: world.rollout)
    yield world
    functions._environment.cache_clear()


def test_the_handler_runs_every_operation(deployed: World) -> None:
    execution = {"id": RUN, "fencing": deployed.fencing}
    start = {"operation": "start_challenger", "package_arn": "new", "execution": execution}
    assert functions.handler(start, None)["started"]
    assert functions.handler({"operation": "status"}, None)["state"] == "in_progress"
    deployed.cloudformation.finish()
    weights = {"operation": "set_weights", "weight": "experiment"}
    assert functions.handler(weights, None) == {"changed": True, "weight": 0.1}
    event = {"detail-type": "CloudFormation Stack Status Change", "detail": {}}
    assert functions.handler(event, None)["changed"] is False
    assert functions.handler({"operation": "reconcile"}, None)["changed"] is False


@pytest.mark.parametrize(
    "event",
    [
        {"operation": "start_challenger", "execution_id": RUN, "fencing": 1},
        {"operation": "start_promotion", "execution_id": RUN, "fencing": "1"},
        {"operation": "start_promotion", "fencing": 1},
        {"operation": "start_over", "execution_id": RUN, "fencing": 1},
        {},
    ],
)
def test_the_handler_refuses_what_it_does_not_know(deployed: World, event: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        functions.handler(event, None)
    assert deployed.pointers() == ("seed", "seed")
