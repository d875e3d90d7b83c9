"""The roll-out handler: its operations, the endpoint's weights, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambdas.rollout import handler as functions
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.logic import share
from lambdas.shared.errors import BadRequestError, StackBusy
from tests.unit.conftest import KEEP_SESSION
from tests.unit.rollout_world import CHALLENGER, CHAMPION, ROLE, RUN, World


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
