"""Roll-outs that are interrupted: what serves afterwards is the last model that was promoted.

On the deployed demo settings, through the deployed functions and the state machine. Models are
constants, so the probability in an answer says which package serves.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.names import CHALLENGER, CHAMPION
from local.platform import ROOT, Platform, PlatformError
from tests.support.probe_stack import wait_for
from tests.support.rollouts import World

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

ENDED_SECONDS = 60.0
OTHER_SEED = 0.625
BROKEN = b"raise RuntimeError('this model cannot be loaded')\n"

SYNTH = """
import dataclasses, sys
sys.path.insert(0, {root!r})
from aws_cdk import App
from config.load import load_deployment
from stacks.application import build
app = App(analytics_reporting=False)
loaded = load_deployment("demo")
contract = dict(loaded.contract, seed={seed!r})
build(app, dataclasses.replace(loaded, contract=contract))
app.synth()
"""


@pytest.fixture(scope="module")
def world(demo_deployment: Platform) -> World:
    """The deployed demo."""
    return World(demo_deployment, "demo")


@pytest.fixture
def running(world: World) -> Iterator[list[str]]:
    """Executions that a test starts; those still at work are stopped after it."""
    executions: list[str] = []
    yield executions
    for execution in executions:
        if world.status(execution) == "RUNNING":
            world.stop(execution)


SERVING = "serving-flights"


def _changed_assembly(world: World, folder: Path, *, broken: bool) -> Path:
    """A copy of the deployed assembly with another endpoint configuration.

    A broken one fails at the autoscaling targets, which come after the endpoint: by then the
    endpoint has been updated.
    """
    copy = folder / "cdk.out"
    shutil.copytree(world.platform.state_dir / "cdk.out", copy)
    path = copy / f"{SERVING}.template.json"
    template = json.loads(path.read_text())
    (config,) = _properties(template, "AWS::SageMaker::EndpointConfig")
    config["ProductionVariants"][1]["InitialVariantWeight"] = 0.2
    config["EndpointConfigName"]["Fn::Join"][1][-1] = uuid.uuid4().hex[:8]
    if broken:
        for target in _properties(template, "AWS::ApplicationAutoScaling::ScalableTarget"):
            target["MinCapacity"] = target["MaxCapacity"] + 1
    path.write_text(json.dumps(template))
    _rename_asset(copy, hashlib.sha256(path.read_bytes()).hexdigest())
    return copy


def _rename_asset(assembly: Path, digest: str) -> None:
    """The CLI uploads a template under the digest that the assembly gives, unless it is there."""
    assets = assembly / f"{SERVING}.assets.json"
    (known,) = json.loads(assets.read_text())["files"]
    for file in (assets, assembly / "manifest.json"):
        file.write_text(file.read_text().replace(known, digest))


def _deploy(world: World, stack: str, app: str, *options: str) -> str:
    arguments = ["deploy", stack, "--exclusively", "--app", app, *options]
    return world.platform.run_cdk(arguments, capture=True)


def _properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def _scalable_targets(world: World) -> dict[str, tuple[int, int]]:
    found = world.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker"
    )["ScalableTargets"]
    return {t["ResourceId"]: (t["MinCapacity"], t["MaxCapacity"]) for t in found}


def _configuration(world: World) -> str:
    sagemaker = world.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=world.subject.deployed.endpoint())
    return str(endpoint["EndpointConfigName"])


def test_a_failed_deploy_leaves_the_promoted_model_serving(world: World, tmp_path: Path) -> None:
    package, answer = world.promoted()
    configuration = _configuration(world)
    assembly = _changed_assembly(world, tmp_path, broken=True)
    with pytest.raises(PlatformError, match="Maximum capacity"):
        _deploy(world, SERVING, str(assembly))
    assert world.serving_status() == "UPDATE_ROLLBACK_COMPLETE"
    assert _configuration(world) == configuration
    assert world.probabilities() == (answer, answer)
    # The end of the rollback makes EventBridge reconcile; nothing is to be returned.
    world.reconcile()
    assert world.pointer(CHAMPION) == world.pointer(CHALLENGER) == package


def test_a_deploy_after_a_roll_out_keeps_the_promoted_model(world: World, tmp_path: Path) -> None:
    package, answer = world.promoted()
    configuration, targets = _configuration(world), _scalable_targets(world)
    assert {target.rsplit("/", 1)[-1] for target in targets} == {"champion", "challenger"}
    _deploy(world, SERVING, str(_changed_assembly(world, tmp_path, broken=False)))
    assert _configuration(world) != configuration
    assert _scalable_targets(world) == targets
    assert world.pointer(CHAMPION) == package
    assert world.probabilities() == (answer, answer)


def test_a_changed_seed_leaves_the_pointers_alone(world: World, tmp_path: Path) -> None:
    package, answer = world.promoted()
    before = world.seed()
    script = tmp_path / "other_seed.py"
    script.write_text(SYNTH.format(root=str(ROOT), seed=OTHER_SEED))
    app = f"{sys.executable} {script}"
    _deploy(world, "training-flights", app, "--output", str(tmp_path / "cdk.out"))
    assert world.seed() != before, "the stack registered no package for the new seed"
    # An earlier seed may be champion: replacing it must not delete it.
    world.client("sagemaker").describe_model_package(ModelPackageName=before)
    assert world.pointer(CHAMPION) == world.pointer(CHALLENGER) == package
    assert world.probabilities() == (answer, answer)


def _one_working(world: World, executions: list[str]) -> str:
    """Wait until all but one have ended; the one that works."""

    def working() -> str | None:
        statuses = {e: world.status(e) for e in executions}
        left = [e for e, status in statuses.items() if status == "RUNNING"]
        assert left, f"none works: {statuses}"
        return left[0] if len(left) == 1 and "Curate" in world.states(left[0]) else None

    return wait_for(working, ENDED_SECONDS, "one execution at work")


def _free(world: World) -> bool:
    return "owner" not in world.lease()


def test_two_triggers_at_once_retrain_once(world: World, running: list[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        running += pool.map(lambda _: world.start(), range(2))
    working = _one_working(world, running)
    (other,) = set(running) - {working}
    assert world.status(other) == "SUCCEEDED"
    assert world.states(other)[-1] == "Skipped"
    assert "Curate" not in world.states(other)
    assert world.lease()["owner"] == {"S": working}


def test_a_stopped_execution_gives_the_lease_back(world: World, running: list[str]) -> None:
    wait_for(lambda: _free(world), ENDED_SECONDS, "a free lease")
    running.append(world.start())
    stopped = _one_working(world, running)
    assert world.lease()["owner"] == {"S": stopped}
    world.stop(stopped)
    assert world.status(stopped) == "ABORTED"
    wait_for(lambda: _free(world), ENDED_SECONDS, "a lease that was released")
    # No Catch ran: it was EventBridge that released.
    assert "ReleaseFailed" not in world.states(stopped)
    assert world.lease()["outcome"] == {"S": "failed"}
    running.append(world.start())
    assert _one_working(world, running) == running[-1]


def test_a_crash_after_the_pointers_moved_is_caught_up(world: World) -> None:
    wait_for(lambda: _free(world), ENDED_SECONDS, "a free lease")
    world.promoted()
    second = world.register(0.71875)
    for variant in (CHAMPION, CHALLENGER):
        world.write_pointer(variant, second)
    world.reconcile()
    world.settle()
    assert world.probabilities() == (0.71875, 0.71875)
    assert world.pointer(CHAMPION) == second


def test_a_crash_between_the_two_pointers_is_finished(world: World) -> None:
    """A promotion moves the champion's pointer first, and the challenger follows the champion."""
    world.promoted()
    second = world.register(0.78125)
    world.write_pointer(CHAMPION, second)
    world.reconcile()
    world.settle()
    assert world.probabilities() == (0.78125, 0.78125)


def test_reconciling_waits_for_whoever_holds_the_lease(world: World) -> None:
    package, owner = world.register(0.8125), f"story-{uuid.uuid4().hex}"
    before = world.probability(CHAMPION)
    assert world.call("lease", operation="acquire", execution_id=owner)["acquired"]
    try:
        world.write_pointer(CHAMPION, package)
        answer = world.call("rollout", operation="reconcile")
        assert answer["reason"] == "an execution holds the lease"
        assert world.probability(CHAMPION) == before
    finally:
        world.call("lease", operation="release", execution_id=owner, outcome="failed")
    world.reconcile()
    world.settle()
    assert world.probability(CHAMPION) == 0.8125


def test_an_execution_that_lost_its_lease_moves_no_pointer(world: World) -> None:
    package, owner = world.register(0.84375), f"story-{uuid.uuid4().hex}"
    champion = world.pointer(CHAMPION)
    lease = world.call("lease", operation="acquire", execution_id=owner)
    world.call("lease", operation="release", execution_id=owner, outcome="failed")
    error = world.refused(
        "rollout", operation="start_promotion", execution_id=owner,
        fencing=lease["fencing"], package_arn=package,
    )  # fmt: skip
    assert error == "LeaseLost"
    assert world.pointer(CHAMPION) == champion


def test_a_state_machine_tells_a_lost_lease_from_other_failures(world: World) -> None:
    """The flow's retries and catches match the class of what a function raised."""
    request = {"operation": "start_promotion", "execution_id": "nobody", "fencing": -1}
    caught = {"ErrorEquals": ["LeaseLost"], "Next": "Caught"}
    definition = {
        "StartAt": "Promote",
        "States": {
            "Promote": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": world.function_arn("rollout"), "Payload": request},
                "Catch": [caught],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
    }
    execution = world.run_under_the_flows_role(definition)
    wait_for(lambda: world.status(execution) != "RUNNING", ENDED_SECONDS, "an end")
    assert world.status(execution) == "SUCCEEDED"
    assert world.states(execution) == ["Promote", "Caught"]


def test_a_model_that_cannot_start_returns_the_pointers(world: World) -> None:
    good, answer = world.promoted()
    bad = world.register(0.9, code=BROKEN)
    with pytest.raises(AssertionError, match="failed"):
        world.promote(bad)
    assert world.serving_status() == "UPDATE_ROLLBACK_COMPLETE"
    assert world.probabilities() == (answer, answer)
    # What the end of a failed execution makes EventBridge call.
    world.reconcile()
    wait_for(
        lambda: world.pointer(CHAMPION) == world.pointer(CHALLENGER) == good,
        ENDED_SECONDS,
        "both pointers' return",
    )
    assert not world.call("rollout", operation="reconcile")["changed"]


def test_a_failed_update_makes_eventbridge_return_the_pointer(world: World) -> None:
    good, answer = world.promoted()
    bad = world.register(0.9, code=BROKEN)
    world.write_pointer(CHAMPION, bad)
    world.reconcile()
    wait_for(lambda: world.pointer(CHAMPION) == good, ENDED_SECONDS, "the pointer's return")
    assert world.serving_status() == "UPDATE_ROLLBACK_COMPLETE"
    assert world.probabilities() == (answer, answer)
