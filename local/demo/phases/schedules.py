"""The deployment's schedules fall due: each makes its call, under its own role.

The story's year is 2013 and passes in minutes, so nobody waits for a clock: a copy of the deployed
schedule, with its target and role, is due in a second and once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from local.demo.executions import Executions
from local.demo.report.model import Fault
from local.demo.story import Story
from local.emulator import iam_report

SCHEDULE = "AWS::Scheduler::Schedule"
AHEAD = timedelta(seconds=1)
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.25
NO_TIME = {"window_start": "2013-04-01T00:00:00Z", "window_end": "no time"}
ALERT = "Alert"
SKIPPED = "Skipped"
ACTIVE = ("STARTING", "RUNNING", "STOPPING", "WAITING")

T = TypeVar("T")


def tell(story: Story) -> None:
    """Reconcile as scheduled; the monitor's call asks for a window that is none."""
    with story.timed("the reconciliation's schedule and the monitor's fall due"):
        role = fall_due(story, "training", "Reconcile")
        _monitor(story)
        # Nothing has to be reconciled; that the function was called is in the record of calls.
        _until(lambda: _called(story, role, "lambda:InvokeFunction"), "the call of the roll-out")


def fall_due(
    story: Story, stack: str, logical: str = "", request: dict[str, Any] | None = None
) -> str:
    """Let a deployed schedule come due, with another input if given; the name of its role."""
    scheduler = story.client("scheduler")
    name = story.deployed.one(SCHEDULE, stack, logical).rsplit("/")[-1]
    given: dict[str, Any] = scheduler.get_schedule(Name=name)["Target"]
    target = given | ({"Input": json.dumps(request)} if request else {})
    due = (datetime.now(UTC) + AHEAD).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.create_schedule(
        Name=f"{name[:40]}-{int(time.time())}",
        ScheduleExpression=f"at({due})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=target,
    )
    return str(target["RoleArn"].rsplit("/", 1)[-1])


def skip_while_held(story: Story, machine: Executions) -> None:
    """Retraining's schedule falls due while an execution holds the lease: its own ends skipped.

    Raises:
        RuntimeError: no execution began, or it did not skip.
    """
    known = machine.known()
    fall_due(story, "training", "Retraining")
    started = machine.wait_for_new(known, PATIENCE_SECONDS)
    if started is None:
        raise RuntimeError("the schedule started no retraining")
    followed = machine.follow(started)
    if followed.states[-1:] != [SKIPPED]:
        raise RuntimeError(f"the scheduled retraining did not skip: states {followed.states}")
    story.mark("retraining", "Scheduled retraining skips", "another execution holds the lease")


def curate(story: Story) -> None:
    """The hour's curate run, as its schedule starts it, to its end."""
    glue, job = story.client("glue"), story.deployed.glue_job("curate")
    with story.timed("Glue curate job (Spark), on its schedule"):
        # The deployed schedule keeps the machine's clock: its own run may be under way.
        _until(lambda: not active_runs(glue, job), "an earlier run's end", math.inf)
        known = _runs(glue, job).keys()
        fall_due(story, "processing")
        new = _until(lambda: sorted(_runs(glue, job).keys() - known), "a scheduled curate run")
        _until(lambda: not active_runs(glue, job), "the run's end", math.inf)
        ended = _runs(glue, job)[new[0]]
    if ended["JobRunState"] != "SUCCEEDED":
        raise RuntimeError(f"{job}: {ended['JobRunState']}: {ended.get('ErrorMessage')}")


def active_runs(glue: Any, job: str) -> list[str]:
    """Ids of a Glue job's runs that have not ended."""
    return [run for run, state in _runs(glue, job).items() if state["JobRunState"] in ACTIVE]


def _runs(glue: Any, job: str) -> dict[str, Any]:
    return {run["Id"]: run for run in glue.get_job_runs(JobName=job)["JobRuns"]}


def _called(story: Story, role: str, action: str) -> bool:
    return any(
        decision["action"] == action and iam_report.principal_name(decision["principal"]) == role
        for decision in iam_report.read_decisions(story.platform.state_dir)
    )


def _monitor(story: Story) -> None:
    """A window that ends at no time is refused in the first state, and operations hear of it."""
    arn = story.deployed.state_machine("monitor")
    machine = Executions(story.client("stepfunctions"), arn, lambda words: story.say(f"  {words}"))
    known = machine.known()
    fall_due(story, "monitor", request=NO_TIME)
    started = machine.wait_for_new(known, PATIENCE_SECONDS)
    if started is None:
        raise RuntimeError("the schedule started no monitoring")
    followed = machine.follow(started)
    told = ALERT in followed.states and followed.status == "FAILED"
    fault = Fault(
        name="A scheduled monitor run is refused",
        what="The schedule's call asks for a window that ends at no time",
        outcome="It was refused in its first state, and the alerts' topic got a message."
        if told
        else f"{followed.status} after the states {', '.join(followed.states)}.",
        recovered=told,
        seconds=sum(followed.seconds.values()),
    )
    story.findings.faults.append(fault)
    story.mark("fault", fault.name, fault.outcome)
    if not told:
        raise RuntimeError(fault.outcome)


def _until(look: Callable[[], T], what: str, patience: float = PATIENCE_SECONDS) -> T:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{what} did not come within {patience:.0f} s")
