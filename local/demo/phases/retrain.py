"""Retraining through the deployed state machine: started by hand, or by the alarm."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Literal

from core.names import (
    ARTIFACTS_EVALUATIONS,
    EVALUATION_FILE,
    FEATURES_RUNS,
    STATISTICS_FILE,
)
from local.demo.executions import Executions, Followed, assert_succeeded
from local.demo.phases import ingest, schedules
from local.demo.phases.faults import SparkKiller
from local.demo.report.model import Fault, ModelReport, Window
from local.demo.report.read import metrics
from local.demo.story import MomentKind, Story

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Only the features job has this argument.
FEATURES_ARGUMENT = "--output_run"
AFTER_CURATE = "WindowGiven"


def machine(story: Story) -> Executions:
    """The retraining state machine."""
    arn = story.deployed.state_machine("training")
    return Executions(story.client("stepfunctions"), arn, lambda words: story.say(f"  {words}"))


def first_retraining(story: Story) -> None:
    """January to March: counted once curated; the features job's Spark process is killed once."""
    executions, name = machine(story), f"winter-{int(time.time())}"
    part = HalfWritten(story, f"{story.scope.below(FEATURES_RUNS)}{name}/")
    killer = SparkKiller(story, FEATURES_ARGUMENT, when=part.begun).start()
    arn = executions.start(name, {"reason": "the first quarter is in"})
    story.mark("retraining", "First retraining starts", "by hand, on what has been curated")
    try:
        followed = executions.follow(arn, on_enter=lambda state: _meanwhile(story, state))
    finally:
        killer.stop()
    story.findings.faults.append(_spark_fault(followed, killer, part))
    conclude(story, followed, trigger="started by hand")
    if not story.findings.faults[-1].recovered:
        raise RuntimeError(story.findings.faults[-1].outcome)


def _meanwhile(story: Story, state: str) -> None:
    """Reconcile once the state machine's own curate job is done; then the schedule falls due."""
    if state == AFTER_CURATE:
        ingest.compare_counts(story)
        schedules.skip_while_held(story, machine(story))


class HalfWritten:
    """What the killed run leaves of its output."""

    def __init__(self, story: Story, prefix: str) -> None:
        self._story, self._prefix = story, prefix
        self._bucket = story.deployed.bucket("features")
        self._left: set[str] = set()

    def begun(self) -> bool:
        """Whether the run has written anything yet."""
        self._left = set(self._found())
        return bool(self._left)

    @property
    def cleared(self) -> bool:
        """Whether the run that succeeded has deleted it."""
        return bool(self._left) and not self._left & set(self._found())

    def _found(self) -> dict[str, str]:
        return self._story.lake.keys(self._bucket, self._prefix)


def _spark_fault(followed: Followed, killer: SparkKiller, part: HalfWritten) -> Fault:
    failed = [(state, why) for state, why in followed.failures if state == "Features"]
    recovered = bool(killer.killed and failed and "Features" in followed.states and part.cleared)
    if not killer.killed:
        outcome = "No Spark process of the features job was found, so none was killed."
    elif not failed:
        outcome = "The process was killed, but the state machine saw no failed run."
    else:
        cleared = "cleared" if part.cleared else "left"
        outcome = (
            f"The state failed ({failed[0][1][:160]}); the state machine ran the job again, which "
            f"{cleared} the half-written part of the first run."
        )
    return Fault(
        name="A Glue run fails once",
        what="SIGKILL to the Spark driver of the features job once its first run writes",
        outcome=outcome,
        recovered=recovered,
        seconds=followed.seconds.get("Features"),
    )


def conclude(story: Story, followed: Followed, *, trigger: str) -> ModelReport:
    """Note what an execution decided. Raises when it failed."""
    report = _describe(story, followed, trigger)
    if report is not None:
        story.findings.models.append(report)
    assert_succeeded(followed)
    if report is None:
        raise RuntimeError(f"{followed.arn} ended without a model: states {followed.states}")
    kind: MomentKind = "rollout" if report.decision == "promoted" else "retraining"
    story.mark(kind, f"{report.name}: {report.decision}", "; ".join(report.reasons))
    return report


def _describe(story: Story, followed: Followed, trigger: str) -> ModelReport | None:
    features, artifacts = story.deployed.bucket("features"), story.deployed.bucket("artifacts")
    if "Evaluate" not in followed.states:
        return None
    statistics = story.lake.document(
        features, f"{story.scope.below(FEATURES_RUNS)}{followed.name}/{STATISTICS_FILE}"
    )
    evaluation = story.lake.document(
        artifacts, f"{story.scope.below(ARTIFACTS_EVALUATIONS)}{followed.name}/{EVALUATION_FILE}"
    )
    decision = followed.outputs.get("Decide", {}).get("decision", {}).get("value", {})
    url = followed.outputs.get("Train", {}).get("training", {}).get("model_data_url", "")
    story.findings.runs.append(
        {"id": followed.name, "window": statistics["window"], "model_data_url": url,
         "evaluate_job": followed.outputs.get("Evaluate", {}).get("evaluation", {}).get("job")}
    )  # fmt: skip
    package = followed.outputs.get("Register", {}).get("package", {}).get("value", {})
    return ModelReport(
        name=window_name(statistics["window"]),
        kind="xgboost",
        package_arn=package.get("package_arn", ""),
        training_window=_learnt_from(statistics["parts"]),
        rows={part: statistics["rows"][part] for part in ("train", "validation", "holdout")},
        holdout=metrics(evaluation["candidate"]),
        trigger=trigger,
        decision=_verdict(followed),
        reasons=[str(reason) for reason in decision.get("reasons", [])],
    )


def _verdict(followed: Followed) -> Literal["promoted", "rejected", "failed"]:
    if followed.status != "SUCCEEDED":
        return "failed"
    return "promoted" if "Promoted" in followed.states else "rejected"


def _learnt_from(parts: dict[str, dict[str, str]]) -> Window:
    """The served model is fitted on train and validation; the hold-out is later than both."""
    return Window(start=str(parts["train"]["start"]), end=str(parts["validation"]["end"]))


def window_name(window: dict[str, str]) -> str:
    """``Jan to Mar``: the months that the larger part of the window's ends lies in."""
    start = datetime.fromisoformat(window["start"]) + timedelta(days=5)
    end = datetime.fromisoformat(window["end"]) - timedelta(days=5)
    return f"{MONTHS[start.month - 1]} to {MONTHS[end.month - 1]}"
