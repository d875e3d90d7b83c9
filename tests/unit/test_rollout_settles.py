"""Every way out of a roll-out ends with traffic where it should be. docs/rollout.md draws them."""

from __future__ import annotations

import datetime as dt

import pytest

from lambdas.rollout import settle
from lambdas.shared.errors import LeaseLost
from stacks.serving.settings import Realtime, Variant
from tests.support.rollout_world import GUARDS, OTHER, RUN, World
from tests.support.settled_rollouts import ROLLED_BACK, assert_settled, challenged, world

__all__ = ["world"]

SEED = ("seed", "seed")


def test_a_bad_challenger_gets_no_traffic_first_and_is_replaced_when_alarms_are_quiet(
    world: World,
) -> None:
    challenged(world)
    world.cloudwatch.ringing = [GUARDS[1]]
    assert world.settlement.step(world.holder, forward=False)["changed"]
    assert world.sagemaker.share == 0
    answer = world.settlement.step(world.holder, forward=False)
    assert answer["state"] == "in_progress"
    assert GUARDS[1] in answer["reason"]
    assert world.cloudformation.updates == [], "the alarm would roll this update back"
    world.cloudwatch.ringing = []
    assert world.settle()["state"] == "settled"
    assert_settled(world)


def test_alarms_that_do_not_end_are_waited_for_so_long(world: World) -> None:
    challenged(world)
    world.cloudwatch.ringing = [GUARDS[0]]
    world.settlement.step(world.holder, forward=False)
    assert world.settlement.step(world.holder, forward=False)["state"] == "in_progress"
    world.sagemaker.modified_at -= dt.timedelta(seconds=settle.QUIET_SECONDS + 1)
    world.settlement.step(world.holder, forward=False)
    assert len(world.cloudformation.updates) == 1


def test_a_promotion_that_failed_goes_back_to_the_champion(world: World) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish(failure="no")
    assert world.rollout.status(world.holder)["state"] == "failed"
    assert world.settle()["state"] == "settled"
    assert_settled(world)


def test_a_promotion_that_never_began_goes_back_to_the_champion(world: World) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.pending, world.cloudformation.status = {}, "UPDATE_COMPLETE"
    assert world.settle()["state"] == "settled"
    assert_settled(world)


def test_a_failure_after_the_promotion_keeps_it_and_settles_the_weights(world: World) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish()
    assert world.sagemaker.share == 0.1
    assert world.settle()["state"] == "settled"
    assert_settled(world, "new")


def test_an_update_that_rolled_back_is_not_complete_whatever_the_stack_says(world: World) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish(unnoticed=ROLLED_BACK)
    assert world.serving() == ("new", "new"), "the stack believes in it"
    for holder in (world.holder, None):
        status = world.rollout.status(holder)
        assert status["state"] == "failed"
        assert "with config-seed-new, not config-new-new" in status["reason"]
        assert ROLLED_BACK in status["reason"]


@pytest.mark.parametrize("operation", ["start_challenger", "start_promotion"])
def test_after_an_unnoticed_rollback_the_former_packages_come_back(
    world: World, operation: str
) -> None:
    if operation == "start_promotion":
        challenged(world)
    world.start(operation, "new")
    world.cloudformation.finish(unnoticed=ROLLED_BACK)
    assert world.settle()["state"] == "settled"
    assert_settled(world)


def test_a_way_back_that_fails_as_well_is_for_a_person(world: World) -> None:
    """Or the end of each update would start the next one."""
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish(unnoticed=ROLLED_BACK)
    world.sagemaker.config = "config-that-nobody-can-make"
    world.lease.release(RUN, "failed")
    answer = world.reconcile()
    while answer["state"] == "in_progress":
        world.cloudformation.finish()
        answer = world.reconcile()
    assert answer["state"] == "stuck"
    assert world.sagemaker.share == 0
    assert len(world.cloudformation.updates) == 2


def test_a_way_back_that_failed_is_told_and_tried_again_later(world: World) -> None:
    challenged(world)
    world.start("start_promotion", "new")
    world.cloudformation.finish(failure="no")
    answer = world.settle(failure="the former model is gone")
    assert answer["state"] == "stuck"
    assert "the former model is gone" in answer["reason"]
    assert world.sagemaker.share == 0
    world.lease.release(RUN, "failed")
    assert world.reconcile()["state"] == "stuck"
    world.cloudformation.updated_at -= dt.timedelta(seconds=settle.QUIET_SECONDS + 5)
    for name in world.rollout.pointers.parameters.values():
        world.ssm.put_parameter(Name=name, Value="seed", Type="String", Overwrite=True)
    assert world.reconcile()["changed"]
    world.cloudformation.finish()
    assert world.reconcile()["state"] == "settled"
    assert_settled(world)


def test_an_unnoticed_rollback_without_a_reason_is_seen_by_its_configuration(world: World) -> None:
    world.start("start_challenger", "new")
    world.cloudformation.finish(unnoticed=" ")
    world.sagemaker.failure = ""
    assert "no reason given" in world.rollout.status()["reason"]


def test_an_endpoint_that_a_deploy_left_behind_is_for_a_person(world: World) -> None:
    world.sagemaker.config, world.sagemaker.failure = "config-of-last-year", ROLLED_BACK
    world.lease.release(RUN, "failed")
    answer = world.reconcile()
    assert answer["state"] == "stuck"
    assert ROLLED_BACK in answer["reason"]


@pytest.mark.parametrize("status", ["Failed", "UpdateRollbackFailed", "OutOfService"])
def test_an_endpoint_that_is_not_in_service_is_not_complete(world: World, status: str) -> None:
    world.sagemaker.status = status
    assert world.rollout.status()["state"] == "failed"


def test_after_a_stop_reconcile_withdraws_and_returns_what_the_experiment_left(
    world: World,
) -> None:
    """EventBridge's event of the end may be quicker than the release of the lease."""
    challenged(world)
    assert world.reconcile()["reason"] == "an execution holds the lease"
    world.reconcile(ended=RUN)
    assert world.sagemaker.share == 0
    world.lease.release_stopped({"status": "ABORTED", "executionArn": RUN})
    world.reconcile()
    world.cloudformation.finish()
    assert world.reconcile()["state"] == "settled"
    assert_settled(world)


def test_after_a_time_out_between_two_pointers_the_promotion_is_finished(world: World) -> None:
    challenged(world)
    world.rollout.pointers.write("champion", "new")
    world.lease.release_stopped({"status": "TIMED_OUT", "executionArn": RUN})
    for _ in range(4):
        world.reconcile()
        world.cloudformation.finish()
    assert_settled(world, "new")


def test_the_next_execution_settles_what_the_last_one_left(world: World) -> None:
    """Reconcile leaves it alone while the lease is held, so it does so itself."""
    challenged(world)
    world.lease.release(RUN, "failed")
    fencing = world.lease.acquire(OTHER)["fencing"]
    assert world.reconcile()["reason"] == "an execution holds the lease"
    with pytest.raises(LeaseLost):
        world.settle()
    world.fencing = fencing
    holder = type(world.holder)(OTHER, fencing)
    while world.settlement.step(holder, forward=True)["state"] == "in_progress":
        world.cloudformation.finish()
    assert_settled(world)


def test_status_wants_what_the_execution_asked_for(world: World) -> None:
    """Pointers that somebody else moved, and a stack that followed them, are not a promotion."""
    world.start("start_promotion", "new")
    for variant in ("champion", "challenger"):
        world.rollout.pointers.write(variant, "another")
    world.cloudformation.pending = {}
    world.cloudformation.status = "UPDATE_COMPLETE"
    world.rollout.stack.update(world.rollout.stack.describe())
    world.cloudformation.finish()
    assert world.rollout.status()["state"] == "complete"
    assert world.rollout.status(world.holder)["state"] == "failed"


def test_a_stack_that_could_not_roll_back_keeps_an_unpromoted_model_from_traffic(
    world: World,
) -> None:
    challenged(world)
    world.cloudformation.status = "UPDATE_ROLLBACK_FAILED"
    assert world.settle()["state"] == "stuck"
    assert world.sagemaker.share == 0


def test_weights_follow_the_settings_when_no_roll_out_is_under_way(world: World) -> None:
    world.rollout.endpoint.set_challenger_weight(0.5)
    world.lease.release(RUN, "failed")
    assert world.reconcile()["changed"]
    assert world.sagemaker.share == 0
    assert world.reconcile()["state"] == "settled"


@pytest.mark.parametrize("variants", [(), ("champion",)], ids=["no endpoint", "one variant"])
def test_without_a_challenger_pointers_and_stack_are_settled(
    world: World, variants: tuple[str, ...]
) -> None:
    """Serving is off, or the challenger is a shadow or not there."""
    world.sagemaker.variants = variants
    world.sagemaker.status = "InService" if variants else "Absent"
    world.start("start_challenger", "new")
    world.cloudformation.finish()
    assert world.settle()["state"] == "settled"
    assert world.pointers() == world.serving() == SEED
    assert world.sagemaker.weights == []


def test_the_settled_share_is_the_challengers_part_of_all_weights() -> None:
    half = Realtime(champion=Variant(weight=1.0), challenger=Variant(weight=1.0))
    assert half.challenger_share == 0.5
    assert half.model_copy(update={"shadow": True}).challenger_share == 0
    assert Realtime(challenger=None).challenger_share == 0


def test_an_alarm_that_rang_during_the_experiment_counts_when_it_is_quiet_again(
    world: World,
) -> None:
    began = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    alarms = world.settlement.alarms
    assert alarms.rang(GUARDS, began) == []
    world.cloudwatch.rang[GUARDS[1]] = began - dt.timedelta(minutes=1)
    assert alarms.rang(GUARDS, began) == []
    world.cloudwatch.rang[GUARDS[1]] = began + dt.timedelta(minutes=1)
    assert alarms.rang(GUARDS, began) == [GUARDS[1]]
    world.cloudwatch.ringing = [GUARDS[0]]
    assert alarms.rang(GUARDS, began) == sorted(GUARDS)
