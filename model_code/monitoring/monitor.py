"""Processing job: a window of captured predictions against the training window and late labels.

Quality is judged on what the champion's model answered as champion: predictions that another model
gave (the challenger's, or the champion of before a roll-out) are counted and shown apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd

from core import names
from core.checks import shown
from core.moments import given
from model_code import tasks
from model_code.evaluation import inputs
from model_code.models import Model
from model_code.monitoring import capture, criteria, drift
from model_code.monitoring.capture import Captured, Prediction
from model_code.monitoring.criteria import Evidence, Limits, Sample
from model_code.monitoring.drift import Drift, Rule
from model_code.monitoring.quality import days, first_by_id, groups, totals, variant
from model_code.tasks.task import Metric

REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class Window:
    """Event times from ``start`` up to ``end``, ISO 8601."""

    start: str
    end: str

    def predictions(self, found: Sequence[Prediction], time_field: str) -> list[Prediction]:
        """Those whose event time (with or without zone, then UTC) lies in the window."""
        start, end = _time(self.start), _time(self.end)
        return [one for one in found if start <= _time(one.record[time_field]) < end]


@dataclass(frozen=True, slots=True)
class Reference:
    """What the window is compared with: the model in service and its papers."""

    fingerprint: str
    baseline: dict[str, Any] | None
    holdout: dict[str, Any] | None


def main(argv: Sequence[str], base: Path) -> None:
    """Read ``base``/input, write ``base``/output/report/report.json, put the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("--window-start", "--window-end", "--endpoint"):
        parser.add_argument(name, required=True)
    chosen = parser.parse_args(list(argv))
    window = asked(chosen.window_start, chosen.window_end)
    folder = base / "input"
    contract = inputs.document(folder / "contract")
    captured = capture.read(folder / "capture", tasks.of(contract))
    told = outcomes(folder / "outcomes")
    report = {
        "version": 1,
        "endpoint": chosen.endpoint,
        "window": {"start": window.start, "end": window.end},
        **examine(
            contract,
            window,
            captured,
            labels(folder / "outcomes" / names.OUTCOMES_LABELS, contract, datetime.now(UTC)),
            reference(folder),
            complete=complete_until(told, contract),
        ),
        "events": told["events"],
    }
    target = base / "output" / "report"
    target.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False)
    (target / REPORT_FILE).write_text(text + "\n", encoding="utf-8")
    put_metrics(boto3.client("cloudwatch"), chosen.endpoint, tasks.of(contract).metrics, report)
    sys.stdout.write(f"monitor:breached={int(report['breached'])} {'; '.join(report['reasons'])}\n")


def asked(start: str, end: str) -> Window:
    """The window of the job's arguments.

    Raises:
        SystemExit: an end is no time, or there is nothing between them.
    """
    if given("--window-start", start) >= given("--window-end", end):
        allowed = f"a time before --window-end, which is {end}"
        raise SystemExit(f"--window-start is {shown(start)}; allowed: {allowed}")
    return Window(start, end)


def reference(folder: Path) -> Reference:
    """The champion's baseline, and what a hold-out said of this very model."""
    with tempfile.TemporaryDirectory() as directory:
        model = inputs.model(folder / "model", Path(directory))
        baseline = Path(directory) / "model" / names.BASELINE_FILE
        content = json.loads(baseline.read_bytes()) if baseline.exists() else None
    return Reference(model.fingerprint, content, _holdout(folder / "evaluation", model))


def _holdout(folder: Path, model: Model) -> dict[str, Any] | None:
    """The evaluation in which the model was the candidate.

    As champion it is evaluated again in every later retraining, on later data: a limit from there
    would give way as the model gets worse.
    """
    for path in sorted(folder.rglob("*.json")) if folder.exists() else []:
        document = json.loads(path.read_bytes())
        if document["candidate"]["model"]["fingerprint"] == model.fingerprint:
            return document["candidate"]  # type: ignore[no-any-return]
    return None


def labels(folder: Path, contract: dict[str, Any], now: datetime) -> dict[str, float]:
    """The label as the task's number by record id, for every label that the outcomes job found.

    One without a value, or from the future, says nothing yet.
    """
    record, field = contract["label"], contract["label_rule"]["field"]
    if not any(folder.rglob("*.parquet")):
        return {}
    wanted = [record["id_field"], record["time_field"], field]
    rows = pd.read_parquet(folder, columns=wanted).dropna()
    known = inputs.microseconds(rows[record["time_field"]]) <= int(now.timestamp() * 1e6)
    rows = rows[known]
    values = map(tasks.of(contract).label, rows[field].tolist())
    found = zip(rows[record["id_field"]].tolist(), values, strict=True)
    return {one: value for one, value in found if value is not None}


def outcomes(folder: Path) -> dict[str, Any]:
    """What the outcomes job counted: ``events`` of the window, predicted or not, and
    ``newest_label``; null where there is nothing to count."""
    return json.loads((folder / names.OUTCOMES_FILE).read_bytes())  # type: ignore[no-any-return]


def complete_until(told: Mapping[str, Any], contract: Mapping[str, Any]) -> datetime | None:
    """Up to when events have all the labels that they will get; None without any label.

    The contract's label latency before the newest label: of later events only those are labelled
    whose label came early, and these are of a kind.
    """
    if told["newest_label"] is None:
        return None
    return _time(told["newest_label"]) - timedelta(hours=contract["label_latency_hours"])


def examine(
    contract: dict[str, Any],
    window: Window,
    captured: Captured,
    known: Mapping[str, float],
    compared: Reference,
    *,
    complete: datetime | None = None,
) -> dict[str, Any]:
    """Everything that the report says about the window.

    Labels of events after ``complete`` do not count: others of their time are still to come.
    """
    captured = capture.checked(captured, contract["event"])
    time_field = contract["event"]["time_field"]
    inside = window.predictions(captured.predictions, time_field)
    limit = criteria.limits(contract, compared.holdout)
    if complete is not None:
        settled = {p.record_id for p in inside if _time(p.record[time_field]) <= complete}
        known = {one: value for one, value in known.items() if one in settled}
    variants = {key: variant(group, known, contract) for key, group in groups(inside).items()}
    first = list(first_by_id(inside).values())
    found = _drift(first, compared.baseline, contract, limit.drift)
    champion = variants.get((names.CHAMPION, compared.fingerprint))
    seen = Evidence(
        captured=Sample(len(first), days(first, contract)),
        labelled=_labelled(champion),
        drift=found,
        quality=champion["quality"] if champion else None,
    )
    return {
        "model": compared.fingerprint,
        "counts": {
            "requests": captured.requests,
            "unreadable": captured.unreadable,
            **totals([one["counts"] for one in variants.values()]),
        },
        "unreadable": dict(sorted(captured.reasons.items())),
        "labelled": seen.labelled.rows,
        "quality": seen.quality,
        "variants": [
            {"variant": name, "model": model, **one}
            for (name, model), one in sorted(variants.items())
        ],
        "drift": found.features if found else {},
        **_verdict(limit, seen),
    }


def _labelled(champion: Mapping[str, Any] | None) -> Sample:
    counts = champion["counts"] if champion else {"labelled": 0, "labelled_days": 0}
    return Sample(counts["labelled"], counts["labelled_days"])


def _verdict(limit: Limits, seen: Evidence) -> dict[str, Any]:
    """Limits, criteria and what follows: ``breached`` is what rings the alarm.

    ``notes`` has what is worth reading without being an alarm: what was not judged, and drift
    that quality did not confirm.
    """
    judged = criteria.judge(limit, seen)
    drift_judged = judged[0]["breached"] is not None
    alarming = [one for one in judged if one["breached"] and one["alarms"]]
    noted = [
        one
        for one in judged
        if one["breached"] is None or (one["breached"] and one not in alarming)
    ]
    return {
        "drifted_features": _drifted(seen.drift) if drift_judged else [],
        "limits": limit.document(),
        "criteria": judged,
        "judged": any(one["breached"] is not None for one in judged),
        "breached": bool(alarming),
        "reasons": [one["reason"] for one in alarming],
        "notes": [one["reason"] for one in noted],
    }


def _drifted(found: Drift | None) -> list[str]:
    """Drifted features, the strongest first."""
    features = found.features if found else {}
    over = [name for name, one in features.items() if one["drifted"]]
    return sorted(over, key=lambda name: (-features[name]["psi"], name))


def _drift(
    inside: Sequence[Prediction],
    baseline: dict[str, Any] | None,
    contract: Mapping[str, Any],
    rule: Rule,
) -> Drift | None:
    """None without records, or without a baseline by day (models of before version 2)."""
    if baseline is None or baseline.get("version", 1) < drift.BASELINE_VERSION or not inside:
        return None
    time_field = contract["event"]["time_field"]
    by_day: dict[str, list[dict[str, Any]]] = {}
    for one in inside:
        day = _time(str(one.record[time_field])).astimezone(UTC).date().isoformat()
        by_day.setdefault(day, []).append(one.record)
    causes = {feature["name"]: feature["cause"] for feature in contract["features"]}
    return drift.examine(baseline, by_day, causes, rule)


def _time(moment: str) -> datetime:
    parsed = datetime.fromisoformat(moment)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def put_metrics(
    client: Any, endpoint: str, metrics: Sequence[Metric], report: Mapping[str, Any]
) -> None:
    """Metrics of the report at the wall clock: CloudWatch refuses times long past."""
    values: dict[str, float] = {
        names.METRIC_MODEL_BREACH: float(report["breached"]),
        names.METRIC_LABELLED: report["labelled"],
    }
    if report["criteria"][0]["breached"] is not None:
        values[names.METRIC_DRIFTED_FEATURES] = len(report["drifted_features"])
    quality = report["quality"] or {}
    for metric in metrics:
        if quality.get(metric.key):
            values[metric.published] = quality[metric.key]["value"]
    dimensions = [{"Name": "Endpoint", "Value": endpoint}]
    client.put_metric_data(
        Namespace=names.METRIC_NAMESPACE,
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "None"}
            for name, value in values.items()
        ],
    )
