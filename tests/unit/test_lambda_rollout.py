"""Roll-outs against a small model of CloudFormation: what crashes and failures may not break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambdas.rollout.serving_stack import ServingStack
from lambdas.shared.errors import LeaseLost, StackBusy
from tests.support.records import KEEP_SESSION
from tests.support.rollout_world import OTHER, ROLE, RUN, World


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
    world.lease.release(RUN, "failed")
    assert world.reconcile()["reason"] == "busy"


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
    assert world.reconcile()["reason"] == "an execution holds the lease"
    world.lease.release(RUN, "failed")
    answer = world.reconcile()
    assert (answer["state"], answer["changed"]) == ("settled", True)
    assert world.pointers() == world.serving() == ("seed", "seed")
    assert world.rollout.status()["state"] == "complete"
    assert world.reconcile()["changed"] is False


def test_after_a_crash_between_pointer_and_update_reconcile_finishes_the_roll_out(
    world: World,
) -> None:
    world.rollout.pointers.write("champion", "new")
    world.rollout.pointers.write("challenger", "new")
    world.lease.release_stopped({"status": "ABORTED", "executionArn": RUN})
    assert world.reconcile()["changed"] is True
    world.cloudformation.finish()
    assert world.serving() == ("new", "new")
    assert world.reconcile() == {
        "state": "settled",
        "changed": False,
        "reason": "pointers, stack and weights agree",
    }


def test_a_failed_deploy_leaves_champion_and_pointers_alone(world: World) -> None:
    world.start("start_promotion", "new")
    world.cloudformation.finish()
    world.lease.release(RUN, "promoted")
    world.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    assert world.reconcile()["changed"] is False
    assert world.pointers() == world.serving() == ("new", "new")


def test_a_broken_stack_is_left_to_a_person(world: World) -> None:
    world.rollout.pointers.write("champion", "new")
    world.lease.release(RUN, "failed")
    world.cloudformation.status = "UPDATE_ROLLBACK_FAILED"
    assert world.rollout.status()["state"] == "failed"
    assert "repair it first" in world.reconcile()["reason"]


def test_a_stack_without_the_champions_parameter_is_named(world: World) -> None:
    stack = ServingStack(world.cloudformation, "serving", ROLE, {"champion": "/elsewhere"})
    with pytest.raises(LookupError, match="stack serving takes no parameter"):
        stack.describe()
