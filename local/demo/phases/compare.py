"""Two models on July, which neither has seen: the one of winter and the one of spring.

Both archives are fetched from S3 and judged by the evaluation job's own code on the curated records
of the month: the same rows, each model's own encodings, the same bootstrap draws.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from core.names import LABEL_COLUMN, TABLE_EVENTS, TABLE_LABELS
from local.demo.flights import NAMES, window
from local.demo.phases import retrain
from local.demo.report.model import Comparison, Contender, Estimate, Window
from local.demo.report.read import calibration_curve, metrics, roc_curve
from local.demo.story import Story
from model_code import tasks
from model_code.evaluation import evaluate
from model_code.models import Model

JULY = 7
SPRING = ("2013-04-01T00:00:00Z", "2013-07-01T00:00:00Z")
SPRING_NAME = "Apr to Jun"


def compare_on_july(story: Story) -> None:
    """Winter against spring, with intervals; whatever comes out is what the report shows."""
    winter, spring = story.findings.runs[0], _spring_run(story)
    rows = july(story)
    with tempfile.TemporaryDirectory() as directory:
        first, second = (
            _model(story, run, Path(directory) / str(index))
            for index, run in enumerate((winter, spring))
        )
        document = evaluate.compare(story.contract, rows, second, first, evaluate.DRAW_SEED)
    comparison = Comparison(
        month=NAMES[JULY - 1],
        first=_contender(winter, document["champion"]),
        second=_contender(spring, document["candidate"]),
        difference=Estimate(**document["difference"]["log_loss"]),
    )
    story.findings.comparison = comparison
    for side in (comparison.first, comparison.second):
        auc = side.metrics.auc
        story.say(
            f"[bold]{side.name}[/bold] on {comparison.month}: AUC "
            f"{_told(auc) if auc else 'undefined'}, log loss {_told(side.metrics.log_loss)}"
        )
    assert comparison.difference is not None
    story.say(f"difference in log loss: {_told(comparison.difference)} ({len(rows):,} flights)")


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


def july(story: Story) -> pd.DataFrame:
    """July's curated departures whose arrival is known, with the task's label, in event order."""
    event, label = story.contract["event"], story.contract["label"]
    rule, database = story.contract["label_rule"], story.deployed.database()
    wanted = [event["id_field"], event["time_field"]]
    wanted += [feature["name"] for feature in story.contract["features"]]
    rows = pd.DataFrame(story.lake.table(database, TABLE_EVENTS, tuple(wanted)))
    known = pd.DataFrame(
        story.lake.table(database, TABLE_LABELS, (label["id_field"], rule["field"]))
    )
    known[LABEL_COLUMN] = known[rule["field"]].map(tasks.of(story.contract).label)
    known = known.rename(columns={label["id_field"]: event["id_field"]})
    rows = rows.merge(known[[event["id_field"], LABEL_COLUMN]], on=event["id_field"])
    rows[event["time_field"]] = pd.to_datetime(rows[event["time_field"]], utc=True)
    start, end = (pd.Timestamp(moment) for moment in window(JULY))
    inside = rows[rows[event["time_field"]].between(start, end, inclusive="left")]
    ordered: pd.DataFrame = inside.sort_values(
        [event["time_field"], event["id_field"]], ignore_index=True
    )
    return ordered


def _model(story: Story, run: dict[str, Any], target: Path) -> Model:
    bucket, _, key = run["model_data_url"].removeprefix("s3://").partition("/")
    with tarfile.open(fileobj=io.BytesIO(story.lake.body(bucket, key))) as archive:
        archive.extractall(target, filter="data")
    return Model(target)


def _contender(run: dict[str, Any], document: dict[str, Any]) -> Contender:
    return Contender(
        name=retrain.window_name(run["window"]),
        training_window=Window(start=run["window"]["start"], end=run["window"]["end"]),
        metrics=metrics(document),
        roc=roc_curve(document),
        calibration=calibration_curve(document),
    )
