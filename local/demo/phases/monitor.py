"""The monitor judges one month; when its alarm fires, retraining starts without us."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.names import METRIC_MODEL_BREACH, MONITORING_REPORTS
from local.demo.executions import Executions, assert_succeeded
from local.demo.flights import NAMES, window
from local.demo.phases import retrain
from local.demo.report.model import MonthReport
from local.demo.report.read import month_report
from local.demo.story import Story

# Where the flow ends when no trained model serves: there is no training window to compare with.
SEED_SERVES = "SeedServes"
ALARM_SECONDS = 60.0
START_SECONDS = 30.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Fired:
    """The alarm's state after a month."""

    name: str
    reason: str


def watch_month(story: Story, number: int) -> None:
    """Run the monitor on a month; if it breaches, wait for alarm, retraining and decision."""
    retraining = retrain.machine(story)
    known = retraining.known()
    month = run_monitor(story, number)
    if month is None:
        story.mark("monitor", f"{NAMES[number - 1]} not judged", "the seed model serves")
        return
    story.findings.months.append(month)
    verdict = "[red]breached[/red]" if month.breached else "[green]within limits[/green]"
    story.mark("monitor", f"{month.month} judged", "; ".join(month.criteria))
    story.say(f"criteria {verdict}; drifted: {', '.join(month.drifted) or 'none'}")
    if not month.breached:
        return
    fired = wait_for_alarm(story)
    if fired is None:
        raise TimeoutError(f"{month.month} breached, but no alarm fired in {ALARM_SECONDS:.0f} s")
    story.mark("alarm", f"The alarm fires on {month.month}", fired.reason[:160])
    arn = retraining.wait_for_new(known, START_SECONDS)
    _note_alarm(story, fired, month, arn)
    if arn is None:
        raise TimeoutError(f"the alarm fired, but nothing was started in {START_SECONDS:.0f} s")
    story.mark("retraining", "Retraining starts by itself", arn.rpartition(":")[2])
    followed = retraining.follow(arn)
    retrain.conclude(story, followed, trigger=f"by the alarm on {month.month}")


def run_monitor(story: Story, number: int) -> MonthReport | None:
    """Start the monitor's state machine on one month and read its report; None for the seed."""
    start, end = window(number)
    arn = story.deployed.state_machine("monitor")
    executions = Executions(story.client("stepfunctions"), arn, lambda _: None)
    name = f"{NAMES[number - 1].lower()}-{int(time.time())}"
    with story.timed(f"monitor state machine on {NAMES[number - 1]}"):
        execution = executions.start(name, {"window_start": start, "window_end": end})
        followed = executions.follow(execution)
    assert_succeeded(followed)
    if SEED_SERVES in followed.states:
        return None
    if "Monitored" not in followed.states:
        raise RuntimeError(f"the monitor judged nothing: states {followed.states}")
    document = _document(story, name)
    return month_report(document, NAMES[number - 1], serving_model(story))


def _document(story: Story, execution: str) -> dict[str, Any]:
    bucket = story.deployed.bucket("monitoring")
    keys = [k for k in story.lake.keys(bucket, MONITORING_REPORTS) if f"/{execution}/" in k]
    if not keys:
        raise RuntimeError(f"no report of {execution} below {MONITORING_REPORTS}")
    return story.lake.document(bucket, keys[-1])


def serving_model(story: Story) -> str:
    """Name of the model that was promoted last."""
    promoted = [m.name for m in story.findings.models if m.decision in ("promoted", "seed")]
    return promoted[-1] if promoted else "unknown"


def wait_for_alarm(story: Story) -> Fired | None:
    """The alarm on the monitor's criteria, once it is in ALARM; None when it stays quiet."""
    cloudwatch = story.client("cloudwatch")
    deadline = time.monotonic() + ALARM_SECONDS
    with story.timed("waiting for the alarm"):
        while time.monotonic() < deadline:
            for alarm in _criteria_alarms(cloudwatch):
                if alarm["StateValue"] == "ALARM":
                    return Fired(alarm["AlarmName"], alarm.get("StateReason", ""))
            time.sleep(POLL_SECONDS)
    return None


def _criteria_alarms(cloudwatch: Any) -> list[dict[str, Any]]:
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    return [
        alarm
        for page in pages
        for alarm in page["MetricAlarms"]
        if METRIC_MODEL_BREACH in _metric_names(alarm)
    ]


def _metric_names(alarm: dict[str, Any]) -> set[str]:
    names = {alarm.get("MetricName", "")}
    for query in alarm.get("Metrics", []):
        names.add(query.get("MetricStat", {}).get("Metric", {}).get("MetricName", ""))
    return names


def _note_alarm(story: Story, fired: Fired, month: MonthReport, arn: str | None) -> None:
    """The report tells of the first time; later ones stand in the timeline."""
    if story.findings.alarm:
        return
    story.findings.alarm = {
        "name": fired.name,
        "fired_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "month": month.month,
        "reason": "; ".join(month.reasons) or fired.reason,
        "started_execution": arn,
    }
