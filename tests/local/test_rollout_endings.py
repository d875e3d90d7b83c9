"""Every way out of a roll-out, on the deployed flow: traffic ends where docs/rollout.md says.

The flow's own states run under its own role, from the lease to the end; data and training are left
out. Models are constants, so the probability in an answer says which package serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.names import CHALLENGER, CHAMPION
from local.platform import Platform
from local.services.sagemaker.types import UNNOTICED_ROLLBACKS
from tests.support.probe_stack import wait_for
from tests.support.rollouts import World

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

ENDED_SECONDS = 150.0
# Share of the challenger in the demo's settings when no roll-out is under way.
SETTLED_SHARE = 0.1
EXPERIMENT_SHARE = 0.2
# Serves as any other model does, and answers no request.
ERRING = b"""
def model_fn(model_dir):
    return None


def predict_fn(data, model):
    raise RuntimeError("this model answers nothing")
"""
# Starts until the file is there.
STARTS_UNTIL = """
import pathlib

if pathlib.Path({path!r}).exists():
    raise RuntimeError("this model no longer starts")
"""


@pytest.fixture(scope="module")
def world(demo_deployment: Platform) -> World:
    """The deployed demo."""
    return World(demo_deployment, "demo")


@pytest.fixture
def champion(world: World) -> Iterator[str]:
    """A promoted model; afterwards nobody holds the lease."""
    package, _ = world.promoted()
    yield package
    wait_for(lambda: "owner" not in world.lease(), ENDED_SECONDS, "a free lease")


def ended(world: World, execution: str) -> str:
    """Wait for the end; the status."""
    wait_for(lambda: world.status(execution) != "RUNNING", ENDED_SECONDS, "the end")
    return world.status(execution)


def in_state(world: World, execution: str, state: str) -> None:
    """Wait until the execution entered a state."""
    wait_for(lambda: state in world.states(execution), ENDED_SECONDS, state)


def assert_settled(world: World, package: str) -> None:
    """Pointers, stack, endpoint and weights agree on one package."""

    wait_for(lambda: world.at_rest() and world.reconcile(), ENDED_SECONDS, "settled traffic")
    assert world.pointer(CHAMPION) == world.pointer(CHALLENGER) == package
    assert world.probabilities() == (world.answers[package],) * 2
    assert world.challenger_share() == pytest.approx(SETTLED_SHARE)


def later_broken(world: World, file: Path) -> str:
    """A package that starts until ``file`` exists."""
    serving = (Path("model_code/serving/inference.py")).read_bytes()
    return world.register(0.25, code=serving + STARTS_UNTIL.format(path=str(file)).encode())


def test_a_bad_challenger_is_replaced_while_it_errs(world: World, champion: str) -> None:
    execution = world.roll_out(world.register(0.25, code=ERRING), hold=15)
    in_state(world, execution, "Hold")
    assert world.fail(CHALLENGER, 8) == 8
    in_state(world, execution, "Settle")
    assert world.fail(CHALLENGER, 4) == 4, "it still errs while it is withdrawn"
    assert ended(world, execution) == "SUCCEEDED"
    states = world.states(execution)
    assert states[-1] == "Rejected"
    assert "RejectedOutcome" in states
    assert_settled(world, champion)
    assert world.serving_status() == "UPDATE_COMPLETE", "no update had to be repeated"


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
def test_a_promotion_that_rolled_back_is_never_called_promoted(
    world: World, champion: str, tmp_path: Path, noticed: bool
) -> None:
    """Whether CloudFormation notices that the endpoint went back, or not."""
    broken, unnoticed = tmp_path / "broken", world.platform.state_dir / UNNOTICED_ROLLBACKS
    execution = world.roll_out(later_broken(world, broken), hold=5)
    in_state(world, execution, "Hold")
    broken.touch()
    if not noticed:
        unnoticed.touch()
    try:
        assert ended(world, execution) == "FAILED"
    finally:
        unnoticed.unlink(missing_ok=True)
    states = world.states(execution)
    assert "PromotedOutcome" not in states
    assert states.index("PromoteFailed") < states.index("Settle")
    assert world.error(execution) == "PromoteFailed"
    assert_settled(world, champion)


def test_a_time_out_is_settled_by_what_eventbridge_calls(world: World, champion: str) -> None:
    execution = world.roll_out(world.register(0.25), hold=300, timeout=45)
    in_state(world, execution, "Hold")
    assert world.challenger_share() == pytest.approx(EXPERIMENT_SHARE)
    assert ended(world, execution) == "TIMED_OUT"
    world.tell_of_the_end(execution)
    assert_settled(world, champion)


def test_a_stop_is_settled_and_a_redrive_of_it_changes_nothing(world: World, champion: str) -> None:
    execution = world.roll_out(world.register(0.25), hold=5)
    in_state(world, execution, "Hold")
    world.stop(execution)
    world.tell_of_the_end(execution)
    assert_settled(world, champion)
    world.redrive(execution)
    assert ended(world, execution) == "FAILED"
    assert world.error(execution) == "Unsettled", "it has lost the lease and says so"
    assert_settled(world, champion)


def test_a_redrive_before_the_roll_out_takes_the_lease_again(world: World, champion: str) -> None:
    package = world.register(0.25)
    execution = world.roll_out(package, pause=3)
    in_state(world, execution, "Pause")
    world.stop(execution)
    world.tell_of_the_end(execution)
    world.redrive(execution)
    assert ended(world, execution) == "SUCCEEDED"
    assert world.states(execution)[-1] == "Promoted"
    assert_settled(world, package)
