"""The roll-out handler: its operations, the endpoint's weights, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambdas.rollout import handler as functions
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.logic import share
from lambdas.shared.errors import BadRequestError, LeaseLost, StackBusy
from tests.support.records import KEEP_SESSION
from tests.support.rollout_world import CHALLENGER, CHAMPION, GUARDS, ROLE, RUN, World


@pytest.fixture
def world(aws_environment: None) -> Iterator[World]:
    with mock_aws(config=KEEP_SESSION):
        yield World()


def test_weights_are_set_on_both_variants(world: World) -> None:
    assert world.rollout.endpoint.set_challenger_weight(0.25)
    assert world.sagemaker.weights[0]["DesiredWeightsAndCapacities"] == [
        {"VariantName": "champion", "DesiredWeight": 0.75},
        {"VariantName": "challenger", "DesiredWeight": 0.25},
    ]
    assert not world.rollout.endpoint.set_challenger_weight(0.25), "that is its share already"
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
        "GUARDRAIL_ALARMS": ",".join(GUARDS),
    }.items():
        monkeypatch.setenv(f"MILLRACE_{name}", value)
    functions._environment.cache_clear()
    monkeypatch.setattr(functions, "_rollout", lambda: world.rollout)
    monkeypatch.setattr(functions, "_alarms", lambda: world.settlement.alarms)
    yield world
    functions._environment.cache_clear()


def test_the_handler_runs_every_operation(deployed: World) -> None:
    execution = {"id": RUN, "fencing": deployed.fencing}
    start = {"operation": "start_challenger", "package_arn": "new", "execution": execution}
    assert functions.handler(start, None)["started"]
    assert functions.handler({"operation": "status"}, None)["state"] == "in_progress"
    deployed.cloudformation.finish()
    weights = {"operation": "set_weights", "weight": "experiment", "execution": execution}
    answer = functions.handler(weights, None)
    assert (answer["changed"], answer["weight"]) == (True, 0.1)
    asked = {"operation": "guardrail", "alarms": GUARDS, "since": answer["since"]}
    assert functions.handler(asked | {"execution": execution}, None) == {"alarms": []}
    settle = {"operation": "settle", "execution": execution, "forward": False}
    assert functions.handler(settle, None)["state"] == "in_progress"
    assert deployed.sagemaker.share == 0
    event = {"detail-type": "CloudFormation Stack Status Change", "detail": {}}
    assert functions.handler(event, None)["reason"] == "an execution holds the lease"
    assert functions.handler({"operation": "reconcile"}, None)["changed"] is False
    ended = {"detail-type": "Step Functions Execution Status Change"}
    assert functions.handler(ended | {"detail": {"executionArn": RUN}}, None)["changed"]
    assert deployed.pointers() == ("seed", "seed")


@pytest.mark.parametrize("operation", ["settle", "status", "guardrail", "set_weights"])
def test_an_execution_that_lost_the_lease_does_nothing(deployed: World, operation: str) -> None:
    """What a redrive, or a time-out of the lease, leads to."""
    deployed.lease.release(RUN, "failed")
    event = {
        "operation": operation,
        "execution": {"id": RUN, "fencing": deployed.fencing},
        "weight": 1,
        "alarms": GUARDS,
        "since": "2020-01-01T00:00:00+00:00",
    }
    with pytest.raises(LeaseLost):
        functions.handler(event, None)
    assert deployed.sagemaker.weights == []


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
