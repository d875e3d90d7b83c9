"""Two models on July, which neither has seen: the one of winter and the one of spring.

Both archives are fetched from S3 and asked by the code that serves them, on the curated records of
the month; metrics and intervals are those of the evaluation job, on the same bootstrap draws.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from lambdas.shared.names import CURATED, TABLE_EVENTS, TABLE_LABELS
from local.demo.flights import NAMES, window
from local.demo.phases import retrain
from local.demo.report.model import Comparison, Contender, Estimate, Window
from local.demo.report.read import calibration_curve, metrics, roc_curve
from local.demo.story import Story
from model_code.evaluation import metrics as measures
from model_code.models import Model

JULY = 7
SPRING = ("2013-04-01T00:00:00Z", "2013-07-01T00:00:00Z")
SPRING_NAME = "Apr to Jun"


@dataclass(frozen=True, slots=True)
class Rows:
    """July's labelled flights: records, 0/1 labels, event times in microseconds."""

    records: list[dict[str, Any]]
    label: measures.Floats
    event_time: measures.Integers


def compare_on_july(story: Story) -> None:
    """Winter against spring, with intervals; whatever comes out is what the report shows."""
    winter, spring = story.findings.runs[0], _spring_run(story)
    rows = _july(story)
    draws = measures.draw(rows.event_time, story.settings.training.seed)
    first = _predictions(story, winter, rows)
    second = _predictions(story, spring, rows)
    confidence = story.contract["monitoring"]["confidence"]
    gained = measures.losses(rows.label, second) - measures.losses(rows.label, first)
    difference = measures.mean(gained, draws, confidence).document()
    comparison = Comparison(
        month=NAMES[JULY - 1],
        first=_contender(story, winter, rows, first, draws),
        second=_contender(story, spring, rows, second, draws),
        difference=Estimate(**difference),
    )
    story.findings.comparison = comparison
    for side in (comparison.first, comparison.second):
        auc = side.metrics.auc
        story.say(
            f"[bold]{side.name}[/bold] on {comparison.month}: AUC "
            f"{_told(auc) if auc else 'undefined'}, log loss {_told(side.metrics.log_loss)}"
        )
    assert comparison.difference is not None
    story.say(f"difference in log loss: {_told(comparison.difference)} ({len(rows.label)} flights)")


def _told(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def _spring_run(story: Story) -> dict[str, Any]:
    """The run on April to June: the automatic one if there was one, else one made now."""
    for run in reversed(story.findings.runs):
        if retrain.window_name(run["window"]) == SPRING_NAME:
            found: dict[str, Any] = run
            return found
    story.say("no automatic retraining covered April to June: one is started by hand")
    executions = retrain.machine(story)
    start, end = SPRING
    given = {
        "window_start": start, "window_end": end, "as_of": end, "reason": "comparison on July",
    }  # fmt: skip
    arn = executions.start(f"spring-{int(time.time())}", given)
    story.mark("retraining", "Spring model is trained", "by hand, April to June")
    retrain.conclude(story, executions.follow(arn), trigger="started by hand for the comparison")
    made: dict[str, Any] = story.findings.runs[-1]
    return made


def _july(story: Story) -> Rows:
    event, label = story.contract["event"], story.contract["label"]
    rule, bucket = story.contract["label_rule"], story.deployed.bucket("curated")
    start, end = window(JULY)
    fields = [event["id_field"], event["time_field"]]
    fields += [feature["name"] for feature in story.contract["features"]]
    known = {
        row[label["id_field"]]: row[rule["field"]] >= rule["at_least"]
        for row in story.lake.rows(
            bucket, CURATED[TABLE_LABELS], (label["id_field"], rule["field"])
        )
    }
    found = [
        (row, _moment(row[event["time_field"]]))
        for row in story.lake.rows(bucket, CURATED[TABLE_EVENTS], tuple(fields))
        if row[event["id_field"]] in known
    ]
    first, last = _microseconds(start), _microseconds(end)
    kept = sorted(
        ((row, at) for row, at in found if first <= at < last),
        key=lambda pair: (pair[1], pair[0][event["id_field"]]),
    )
    return Rows(
        [row for row, _ in kept],
        np.array([float(known[row[event["id_field"]]]) for row, _ in kept]),
        np.array([at for _, at in kept], dtype=np.int64),
    )


def _microseconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1_000_000)


def _moment(value: datetime | str) -> int:
    """Event time as Parquet gives it (UTC, with or without zone) in microseconds."""
    text = value if isinstance(value, str) else value.replace(tzinfo=None).isoformat()
    return _microseconds(f"{text}+00:00")


def _predictions(story: Story, run: dict[str, Any], rows: Rows) -> measures.Floats:
    bucket, _, key = run["model_data_url"].removeprefix("s3://").partition("/")
    body = story.lake.body(bucket, key)
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            archive.extractall(directory, filter="data")
        model = Model(Path(directory))
        return np.asarray(model.predict(rows.records), dtype=np.float64)


def _contender(
    story: Story,
    run: dict[str, Any],
    rows: Rows,
    probability: measures.Floats,
    draws: measures.Draws,
) -> Contender:
    rules = story.contract["monitoring"]
    document = measures.evaluate(
        rows.label, probability, draws, bins=rules["bins"], confidence=rules["confidence"]
    )
    return Contender(
        name=retrain.window_name(run["window"]),
        training_window=Window(start=run["window"]["start"], end=run["window"]["end"]),
        metrics=metrics(document),
        roc=roc_curve(document),
        calibration=calibration_curve(document),
    )
