"""One short loop through the local platform: the demo's own phases on one flight in ten.

Deploys every stack, streams a quarter of a year with planted faults, retrains while a Spark process
is killed, lets April pass and tears everything down. What the report says is checked against what
the phases must have done; no number of a model's quality is expected.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from rich.console import Console

from local.demo import finish
from local.demo.__main__ import WAIT_SCALE, WAIT_SCALE_VARIABLE, closing, steps
from local.demo.report.model import Report
from local.demo.runner import tell
from local.demo.story import SCALES, Story
from local.emulator import process_guard
from local.platform import Platform
from tests.synth import STACK_NAMES

pytestmark = [pytest.mark.platform, pytest.mark.slow_loop, pytest.mark.timeout(1200)]


@dataclass(frozen=True, slots=True)
class Telling:
    """The report of one short telling, and the platform that it ran on."""

    report: Report
    platform_id: str


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Telling:
    """One short telling on a platform of its own."""
    folder = tmp_path_factory.mktemp("loop")
    waits = {WAIT_SCALE_VARIABLE: WAIT_SCALE}
    with Platform(folder / "platform", variables=waits) as platform:
        assert platform.info is not None
        platform_id = platform.info.platform_id
        story = Story(platform, SCALES["small"], Console(stderr=True), folder / "report")
        outcome = tell(story, steps(months_told=(4,)), closing(keep=False))
        finish.write(story, outcome)
    written = (folder / "report" / "report.json").read_text()
    return Telling(Report.model_validate_json(written), platform_id)


@pytest.fixture
def told(telling: Telling) -> Report:
    """The report."""
    return telling.report


def test_every_phase_is_done(told: Report) -> None:
    assert {phase.name: phase.error for phase in told.phases if phase.error} == {}
    assert told.status == "complete"


def test_counts_reconcile_with_every_planted_fault(told: Report) -> None:
    assert told.records is not None
    events, labels = told.records.by_stream["events"], told.records.by_stream["labels"]
    assert events.sent == events.curated + events.rejected
    assert events.agrees
    assert labels.agrees
    assert labels.rejected == 0
    planted = dict(events.planted)
    assert planted.pop("duplicate") == events.duplicates_by_origin["sender"]
    assert sum(events.rejected_by_code.values()) >= sum(planted.values()) > 0


def test_retraining_survives_the_killed_spark_process(told: Report) -> None:
    fault = next(fault for fault in told.faults if "Glue" in fault.name)
    assert fault.recovered, fault.outcome
    candidate = told.models[1]
    assert candidate.holdout is not None
    assert candidate.training_window is not None
    assert candidate.training_window.start < candidate.training_window.end < "2013-04-02"
    assert candidate.decision == "promoted", candidate.reasons


def test_april_is_predicted_and_judged(told: Report) -> None:
    assert told.serving is not None
    assert told.monitoring is not None
    assert told.serving.errors == 0
    april = told.monitoring.months[0]
    assert 0 < april.labelled <= told.serving.records


def test_all_stacks_were_deployed_and_nothing_is_left(told: Report) -> None:
    assert told.resources is not None
    assert told.teardown is not None
    assert len(told.stacks) == len(STACK_NAMES)
    assert told.teardown.complete
    assert sorted(told.teardown.destroyed) == sorted(stack.name for stack in told.stacks)


def test_edges_point_one_way(told: Report) -> None:
    order = [stack.name for stack in told.stacks]
    for position, stack in enumerate(told.stacks):
        assert all(order.index(used) < position for used in stack.uses), stack.name


def test_permissions_were_enforced(told: Report) -> None:
    assert told.iam is not None
    assert told.iam.calls > 1000
    assert told.iam.principals_enforced > 10
    assert told.iam.denials == []


def test_every_grant_is_used_or_listed(told: Report) -> None:
    """What no call used, tear-down included, fits an entry of ``docs/aws-required-grants.yaml``."""
    assert told.iam is not None
    assert told.iam.unused_grants == 0
    assert told.phases[-1].name == "grants"
    assert told.phases[-1].status == "done"


def test_a_failed_monitor_run_is_told(told: Report) -> None:
    fault = next(fault for fault in told.faults if "monitor" in fault.name)
    assert fault.recovered, fault.outcome


def test_no_process_is_left(telling: Telling) -> None:
    assert process_guard.marked_processes(telling.platform_id) == []
