"""A roll-out that is over stays as it ended; one whose end is unsure gives no new model traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.rollout_world import RUN, World
from tests.support.settled_rollouts import ROLLED_BACK, assert_settled, challenged, world

__all__ = ["world"]


def promoted(world: World, *, seen_by_the_flow: bool) -> None:
    """A promotion that is over, whose lease is free."""
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish()
    if seen_by_the_flow:
        assert world.rollout.status(world.holder)["state"] == "complete"
    world.lease.release(RUN, "promoted")
    if not seen_by_the_flow:
        reconciled(world)
        assert_settled(world, "new")


def reconciled(world: World) -> dict[str, Any]:
    """Reconcile as events call it, each update ending at once; the last answer."""
    answer = world.reconcile()
    while answer["state"] == "in_progress":
        world.cloudformation.finish()
        answer = world.reconcile()
    return answer


def a_deploy_rolls_back_unnoticed(world: World) -> None:
    config = "config-of-another-instance-type"
    world.cloudformation._config = lambda: config  # type: ignore[method-assign]
    world.sagemaker.failure = ROLLED_BACK


def the_endpoint_fails(world: World) -> None:
    world.sagemaker.status = "Failed"


def a_person_updates_the_endpoint(world: World) -> None:
    world.sagemaker.config = "config-by-hand"


@pytest.mark.parametrize("seen_by_the_flow", [True, False], ids=["flow", "reconcile"])
@pytest.mark.parametrize(
    "happens", [a_deploy_rolls_back_unnoticed, the_endpoint_fails, a_person_updates_the_endpoint]
)
def test_what_befalls_the_endpoint_later_takes_no_promotion_back(
    world: World, happens: Callable[[World], None], seen_by_the_flow: bool
) -> None:
    promoted(world, seen_by_the_flow=seen_by_the_flow)
    world.cloudformation.updates.clear()
    happens(world)
    assert reconciled(world)["state"] == "stuck"
    assert world.pointers() == ("new", "new")
    assert world.cloudformation.updates == []


def test_a_roll_out_that_begins_is_not_closed_by_the_end_of_the_last_one(world: World) -> None:
    lease = world.settlement.lease
    challenged(world)
    last = lease.read()["rollout"]
    world.start("start_promotion", "new")
    lease.close(last)
    assert "closed" not in lease.read()["rollout"]
    world.cloudformation.finish(unnoticed=ROLLED_BACK)
    assert world.settle()["state"] == "settled"
    assert_settled(world)


def test_a_closed_roll_out_that_starts_again_is_open(world: World) -> None:
    challenged(world)
    assert world.rollout.status(world.holder)["state"] == "complete"
    assert world.settlement.lease.read()["rollout"]["closed"] is True
    world.start("start_challenger", "new")
    assert "closed" not in world.settlement.lease.read()["rollout"]


@pytest.mark.parametrize("operation", ["start_challenger", "start_promotion"])
def test_an_endpoint_between_two_configurations_gives_an_unpromoted_model_no_traffic(
    world: World, operation: str
) -> None:
    """It serves a mix, so what was there before is as good a guess as what was asked for."""
    world.sagemaker.share = 0.1
    world.start(operation, "new")
    world.cloudformation.finish()
    world.sagemaker.status, world.sagemaker.failure = "UpdateRollbackFailed", ROLLED_BACK
    assert world.settlement.step(world.holder, forward=False)["changed"]
    assert world.sagemaker.share == 0
    assert world.cloudformation.updates[1:] == [], "traffic first, then the way back"
    assert world.settle(failure="the endpoint takes no update")["state"] == "stuck"
    assert world.sagemaker.share == 0


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        ("Failed", "ValidationException", True),
        ("Failed", "ThrottlingException", False),
        ("InService", "ValidationException", False),
    ],
)
def test_an_endpoint_that_takes_no_weights_is_told_as_stuck(
    world: World, monkeypatch: pytest.MonkeyPatch, status: str, code: str, told: bool
) -> None:
    def refuse(**_: Any) -> None:
        error = {"Error": {"Code": code, "Message": f"Cannot update endpoint in {status}"}}
        raise ClientError(error, "UpdateEndpointWeightsAndCapacities")  # type: ignore[arg-type]

    challenged(world)
    world.sagemaker.status = status
    monkeypatch.setattr(world.sagemaker, "update_endpoint_weights_and_capacities", refuse)
    if told:
        assert world.settle()["state"] == "stuck"
    else:
        with pytest.raises(ClientError, match=code):
            world.settle()


def test_a_promotion_that_rolled_back_fails_whatever_packages_the_stack_reports(
    world: World,
) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish(failure="no")
    former = world.cloudformation._config()
    stale = dict.fromkeys(world.cloudformation.serving, "new")
    world.cloudformation.serving = stale
    world.cloudformation._config = lambda: former  # type: ignore[method-assign]
    status = world.rollout.status(world.holder)
    assert status == {"state": "failed", "reason": "UPDATE_ROLLBACK_COMPLETE: Endpoint: no"}
    world.settlement.step(world.holder, forward=False)
    assert world.sagemaker.share == 0
    world.settlement.step(world.holder, forward=False)
    assert world.pointers() == ("seed", "new"), "what served before the promotion"


def test_a_rollback_before_the_roll_out_began_does_not_fail_it(world: World) -> None:
    world.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    world.start("start_rollback")
    assert world.rollout.status(world.holder)["state"] == "complete"


def test_a_change_that_somebody_else_began_meanwhile_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the call: two of these run at once, or a deploy begins."""

    def refuse(**_: Any) -> None:
        world.sagemaker.status = "Updating"
        error = {"Error": {"Code": "ValidationException", "Message": "in-progress endpoint"}}
        raise ClientError(error, "UpdateEndpointWeightsAndCapacities")  # type: ignore[arg-type]

    challenged(world)
    world.sagemaker.share = 0.1
    monkeypatch.setattr(world.sagemaker, "update_endpoint_weights_and_capacities", refuse)
    answer = world.settlement.step(world.holder, forward=False)
    assert (answer["state"], answer["changed"]) == ("in_progress", False)
    assert "Updating" in answer["reason"]
