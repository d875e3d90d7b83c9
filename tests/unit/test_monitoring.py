"""Capture, drift, criteria and the monitor job."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from moto import mock_aws

from core import names
from local import flights
from model_code import tasks
from model_code.evaluation import evaluate, inputs
from model_code.features import fit
from model_code.models import Model
from model_code.monitoring import capture, criteria, drift, monitor
from model_code.monitoring.capture import Captured, Prediction
from tests.support import models
from tests.support.captures import WINDOW, line, write_capture
from tests.support.spark_jobs import CONTRACT


class Case:
    """A job's input directory around a trained model, its evaluation and a month of capture."""

    def __init__(self, root: Path, trained: Path) -> None:
        self.base, self.trained = root, trained
        self.model = Model(trained / "model")
        self.records = models.events(1500, 50, "2013-04-03")
        self.labels = models.labels(self.records, 51)
        folder = root / "input"
        for name in ("contract", "evaluation", "capture", "outcomes"):
            (folder / name).mkdir(parents=True)
        self.outcomes(events=None)
        (folder / "contract/abc.json").write_text(json.dumps(CONTRACT))
        evaluation = (trained / "evaluation.json").read_text()
        (folder / "evaluation/evaluation.json").write_text(evaluation)
        models.pack(trained / "model", folder / "model/model.tar.gz")

    def capture(
        self, variant: str = "champion", shift: float = 0.0, model: Model | None = None
    ) -> None:
        answering = model or self.model
        lines = []
        for first in range(0, len(self.records), 100):
            batch = self.records[first : first + 100]
            chosen = [min(max(p + shift, 0.01), 0.99) for p in answering.predict(batch)]
            lines.append(line(batch, chosen, answering.description(), f"2026-11-21T0{first % 9}"))
        write_capture(self.base / "input/capture", variant, lines)

    def constant_inputs(self, *features: str) -> Model:
        """The model, as it answers before these features moved by 3."""
        model = copy.copy(self.model)
        answer = self.model.predict
        model.predict = lambda records: answer(  # type: ignore[method-assign]
            [{k: v - 3 if k in features else v for k, v in one.items()} for one in records]
        )
        return model

    def label(self, known: int) -> None:
        rows = pd.DataFrame(
            {
                "flight_id": [record["flight_id"] for record in self.records[:known]],
                "label_time": pd.Timestamp("2013-04-20"),
                "arrival_delay_minutes": [int(30 * one) for one in self.labels[:known]],
            }
        )
        folder = self.base / "input/outcomes/labels"
        folder.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / "part.parquet", index=False)
        self.outcomes(events=len(self.records), newest_label="2013-04-20T00:00:00Z")

    def outcomes(self, events: int | None, newest_label: str | None = None) -> None:
        document = {"events": events, "newest_label": newest_label}
        (self.base / "input/outcomes/outcomes.json").write_text(json.dumps(document))

    def run(self) -> dict[str, Any]:
        arguments = ["--window-start", WINDOW.start, "--window-end", WINDOW.end]
        monitor.main([*arguments, "--endpoint", "flights"], self.base)
        report = self.base / "output/report/report.json"
        return json.loads(report.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("yesterday", WINDOW.end, '--window-start is "yesterday"; allowed: an ISO 8601 time'),
        (WINDOW.start, "", '--window-end is ""; allowed: an ISO 8601 time'),
        (WINDOW.start, "nan", '--window-end is "nan"; allowed: an ISO 8601 time'),
        (WINDOW.start, "9999-12-31T23:59:59-23:59", "allowed: an ISO 8601 time"),
        (WINDOW.end, WINDOW.start, "allowed: a time before --window-end, which is 2013-04-01"),
        (WINDOW.start, WINDOW.start, "allowed: a time before --window-end"),
    ],
)
def test_a_window_that_is_none_is_told(start: str, end: str, said: str, tmp_path: Path) -> None:
    given = [f"--window-start={start}", f"--window-end={end}", "--endpoint", "flights"]
    with pytest.raises(SystemExit) as ended:
        monitor.main(given, tmp_path)
    assert said in str(ended.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.training import fit

    folder = tmp_path_factory.mktemp("trained")
    models.write_run(folder / "run")
    fit(folder / "run", folder / "model", "--trees", "40")
    rows = inputs.holdout(folder / "run" / "holdout", CONTRACT)
    seed = Model(models.write_seed(folder / "seed"))
    found = evaluate.compare(CONTRACT, rows, Model(folder / "model"), seed, 1)
    (folder / "evaluation.json").write_text(json.dumps(found))
    return folder


@pytest.fixture
def case(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Case(tmp_path, trained)


def metric(name: str) -> list[float]:
    found = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=names.METRIC_NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "Endpoint", "Value": "flights"}],
        StartTime="2000-01-01",
        EndTime="2100-01-01",
        Period=86400,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in found["Datapoints"]]


def test_a_month_like_training_is_no_breach(case: Case) -> None:
    case.capture()
    case.label(1200)
    report = case.run()
    assert report["breached"] is False
    assert report["reasons"] == []
    assert report["counts"] == {
        "requests": 15,
        "unreadable": 0,
        "captured": 1500,
        "duplicates": 0,
        "labelled": 1200,
        "unlabelled": 300,
    }
    assert report["labelled"] == 1200
    assert report["events"] == 1500
    assert metric(names.METRIC_MODEL_BREACH) == [0]
    assert metric(names.METRIC_LABELLED) == [1200]
    assert metric("LogLoss") == [pytest.approx(report["quality"]["log_loss"]["value"])]


def test_wrong_probabilities_breach_calibration(case: Case) -> None:
    case.capture(shift=-0.15)
    case.label(1500)
    report = case.run()
    breached = {one["name"] for one in report["criteria"] if one["breached"]}
    assert "calibration_error" in breached
    assert any("calibration error is at least" in reason for reason in report["reasons"])
    assert metric(names.METRIC_MODEL_BREACH) == [1]


MOVED = ("distance_miles", "departure_minute", "aircraft_year")
"""Features of three causes."""


def test_shifted_inputs_breach_drift_by_name(case: Case) -> None:
    write_rule(case, "whenQualityIsNotJudged")
    moved = list(MOVED)
    for record in case.records:
        for name in moved:
            record[name] += 3
    case.capture()
    report = case.run()
    assert set(report["drifted_features"]) == set(moved)
    assert metric(names.METRIC_DRIFTED_FEATURES) == [3]
    assert report["breached"] is True, "without labels, drift is the only evidence there is"
    assert report["quality"] is None
    unjudged = [one for one in report["criteria"] if one["breached"] is None]
    assert [one["name"] for one in unjudged] == ["relative_loss", "calibration_error"]
    assert "0 labelled predictions on 0 days; 200 on 7 are needed" in unjudged[0]["reason"]


def write_rule(case: Case, rule: str) -> None:
    """The case's contract with another answer to whether drift alone is an alarm."""
    contract = copy.deepcopy(CONTRACT)
    contract["monitoring"]["driftAlone"] = rule
    (case.base / "input/contract/abc.json").write_text(json.dumps(contract))


def test_drift_that_quality_does_not_confirm_can_be_a_note(case: Case) -> None:
    write_rule(case, "whenQualityIsNotJudged")
    for record in case.records:
        for name in MOVED:
            record[name] += 3
    # The model answers as if nothing had moved, so its quality holds.
    case.capture(model=case.constant_inputs(*MOVED))
    case.label(1500)
    report = case.run()
    assert len(report["drifted_features"]) == 3
    assert report["breached"] is False
    assert report["reasons"] == []
    assert any("drifted for 3 causes" in note for note in report["notes"])
    assert metric(names.METRIC_MODEL_BREACH) == [0]


@pytest.mark.parametrize(("rule", "breached"), [("always", True), ("never", False)])
def test_the_contract_says_whether_drift_alone_alarms(
    case: Case, rule: str, breached: bool
) -> None:
    write_rule(case, rule)
    for record in case.records:
        for name in MOVED:
            record[name] += 3
    case.capture()
    assert case.run()["breached"] is breached


@pytest.mark.parametrize("rows", [1, 199])
def test_too_few_rows_are_not_judged(case: Case, rows: int) -> None:
    del case.records[rows:]
    case.capture(shift=-0.3)
    case.label(rows)
    report = case.run()
    assert (report["judged"], report["breached"]) == (False, False)
    assert report["drifted_features"] == []
    assert metric(names.METRIC_MODEL_BREACH) == [0]
    assert metric(names.METRIC_DRIFTED_FEATURES) == []
    assert f"drift is not judged: {rows} captured records" in report["notes"][0]
    assert all("200 on 7 are needed" in note for note in report["notes"])


def test_one_day_is_not_judged_however_many_rows(case: Case) -> None:
    for record in case.records:
        record["event_time"] = f"2013-04-03{record['event_time'][10:]}"
    case.capture(shift=-0.3)
    case.label(1500)
    report = case.run()
    assert report["judged"] is False
    assert "1500 captured records on 1 days" in report["notes"][0]


def test_variants_and_models_are_told_apart(case: Case) -> None:
    seed = Model(case.trained / "seed")
    case.capture()
    case.capture("champion", model=seed)
    case.capture("challenger", shift=-0.3)
    case.label(1500)
    report = case.run()
    told = {(one["variant"], one["model"]): one["counts"] for one in report["variants"]}
    assert set(told) == {
        ("champion", case.model.fingerprint),
        ("champion", seed.fingerprint),
        ("challenger", case.model.fingerprint),
    }
    assert report["breached"] is False, "neither another model nor the challenger is judged"
    assert report["counts"]["captured"] == 4500


def test_the_first_answer_counts(case: Case) -> None:
    case.capture()
    later = [line(case.records, [0.5] * 1500, case.model.description(), "2027-01-01T00:00:00Z")]
    write_capture(case.base / "input/capture", "champion", later)
    case.label(1500)
    report = case.run()
    assert report["counts"]["duplicates"] == 1500
    alone = (
        tasks.measures_of(CONTRACT)
        .losses(np.array(case.labels), np.array(case.model.predict(case.records)))
        .mean()
    )
    assert report["quality"]["log_loss"]["value"] == pytest.approx(alone)


def test_other_months_and_broken_lines_stay_out(case: Case) -> None:
    case.capture()
    outside = models.events(10, 3, "2013-06-01")
    write_capture(
        case.base / "input/capture",
        "champion",
        [
            line(outside, [0.1] * 10, case.model.description(), "2026"),
            "{",
            json.dumps({"captureData": {}}),
            line(outside, [0.1] * 10, {}, "2026").replace("instances", "rows"),
        ],
    )
    report = case.run()
    assert report["counts"]["captured"] == 1500
    assert report["counts"]["unreadable"] == 3


def test_a_model_that_was_never_evaluated_is_not_judged(case: Case) -> None:
    document = case.base / "input/evaluation/evaluation.json"
    found = json.loads(document.read_text())
    for role in ("candidate", "champion"):
        found[role]["model"]["fingerprint"] = "of another model"
    document.write_text(json.dumps(found))
    case.capture(shift=-0.3)
    case.label(1500)
    report = case.run()
    assert report["breached"] is False
    assert "no evaluation on a hold-out" in report["criteria"][1]["reason"]


def limits_under(case: Case, shift: float, known: dict[str, float], scale: float) -> dict[str, Any]:
    """What the job takes for limits when the window's inputs, answers and labels are these."""
    predictions = []
    for record in case.records:
        moved = {k: v * scale if isinstance(v, float) else v for k, v in record.items()}
        predictions.append(
            Prediction(
                record["flight_id"], "champion", case.model.fingerprint, 0.4 + shift, "t", moved
            )
        )
    reference = monitor.reference(case.base / "input")
    report = monitor.examine(CONTRACT, WINDOW, Captured(predictions), known, reference)
    return {
        "limits": report["limits"],
        "criteria": {one["name"]: one["limit"] for one in report["criteria"]},
        "baseline": reference.baseline,
    }


def assert_later_data_moves_no_limit(case: Case) -> None:
    ids = [record["flight_id"] for record in case.records]
    half = {one: float(index % 2) for index, one in enumerate(ids)}
    first = limits_under(case, 0.0, half, 1.0)
    late = {one: float(index % 3 > 0) for index, one in enumerate(ids)}
    for shift, known, scale in ((-0.3, half, 1.0), (0.3, late, 1.0), (0.0, late, 50.0)):
        assert limits_under(case, shift, known, scale) == first


def test_limits_come_from_contract_and_holdout_alone(case: Case) -> None:
    """Whatever the month holds, the limits stay; they move with the contract and the hold-out."""
    assert_later_data_moves_no_limit(case)
    assert list(inspect.signature(criteria.limits).parameters) == ["contract", "holdout"]
    reference = monitor.reference(case.base / "input")
    found = criteria.limits(CONTRACT, reference.holdout)
    for metric_name, tolerance in criteria.QUALITY.items():
        holdout = reference.holdout[metric_name]  # type: ignore[index]
        bound = found.quality[metric_name]
        assert bound.limit == holdout["value"] + CONTRACT["monitoring"][tolerance]
        assert bound.uncertainty == holdout["high"] - holdout["value"]
    stricter = copy.deepcopy(CONTRACT)
    stricter["monitoring"]["relativeLossTolerance"] = 0.0
    moved = criteria.limits(stricter, reference.holdout).quality["relative_loss"]
    assert moved.limit < found.quality["relative_loss"].limit


def test_a_limit_that_later_data_enters_is_caught(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above is alive: a monitor that adapts its tolerance to the month fails it."""
    honest = criteria.limits
    seen: list[float] = []

    def adaptive(contract: Any, holdout: Any) -> criteria.Limits:
        bounds = honest(contract, holdout)
        spread = float(np.std(seen))
        quality = {
            name: criteria.Bound(one.limit + spread, one.uncertainty)
            for name, one in bounds.quality.items()
        }
        return dataclasses.replace(bounds, quality=quality)

    inside = monitor.Window.predictions

    def watching(self: monitor.Window, found: Any, time_field: str) -> list[Prediction]:
        chosen = inside(self, found, time_field)
        seen[:] = [one.output + one.record["humidity_percent"] for one in chosen]
        return chosen

    monkeypatch.setattr(criteria, "limits", adaptive)
    monkeypatch.setattr(monitor.Window, "predictions", watching)
    with pytest.raises(AssertionError):
        assert_later_data_moves_no_limit(case)


def test_a_later_evaluation_as_champion_moves_no_limit(case: Case) -> None:
    """Each retraining evaluates the champion again, on later data; that is no reference."""
    before = monitor.reference(case.base / "input").holdout
    document = json.loads((case.base / "input/evaluation/evaluation.json").read_bytes())
    later = {**document, "candidate": document["champion"], "champion": document["candidate"]}
    later["champion"] = {**later["champion"], "log_loss": {"value": 9.0, "low": 9.0, "high": 9.0}}
    (case.base / "input/evaluation/a-later-run.json").write_text(json.dumps(later))
    assert monitor.reference(case.base / "input").holdout == before


@pytest.mark.parametrize(
    ("where", "reason"),
    [("holdout", "no evaluation on a hold-out of several days"), ("window", "has no interval")],
)
def test_what_has_no_interval_is_not_judged(case: Case, where: str, reason: str) -> None:
    """One day says nothing of how days differ: it was taken for certain."""
    sure = monitor.reference(case.base / "input").holdout
    assert sure is not None
    unsure = {**sure, "calibration_error": {"value": 0.5, "low": None, "high": None}}
    holdout, found = (unsure, sure) if where == "holdout" else (sure, unsure)
    contract = copy.deepcopy(CONTRACT)
    contract["monitoring"]["minimumDays"] = 1
    enough = criteria.Sample(1500, 1)
    seen = criteria.Evidence(enough, enough, None, found)
    criterion = criteria.judge(criteria.limits(contract, holdout), seen)[-1]
    assert (criterion["name"], criterion["breached"]) == ("calibration_error", None)
    assert reason in criterion["reason"]


def test_intervals_are_by_day_or_by_row_as_the_contract_says(case: Case) -> None:
    holdout = monitor.reference(case.base / "input").holdout
    assert holdout is not None
    by_row = copy.deepcopy(CONTRACT)
    by_row["monitoring"]["block"] = "row"
    for contract, source in ((CONTRACT, holdout), (by_row, holdout["sampling"])):
        bound = criteria.limits(contract, holdout).quality["relative_loss"]
        found = source["relative_loss"]
        assert bound.uncertainty == found["high"] - found["value"]
    assert holdout["relative_loss"] != holdout["sampling"]["relative_loss"]


def test_the_bound_is_that_of_the_difference() -> None:
    """For symmetric intervals it is z times the root of the summed variances."""
    bound = criteria.Bound(limit=1.0, uncertainty=0.03)
    assert bound.low({"value": 1.1, "low": 1.06, "high": 1.14}) == pytest.approx(1.05)


def test_stability_index_of_known_histograms() -> None:
    assert drift.stability_index([10, 20, 30], [100, 200, 300]) == pytest.approx(0, abs=1e-3)
    expected = 0.4 * np.log(0.7 / 0.3) * 2
    assert drift.stability_index([3e6, 7e6], [7e6, 3e6]) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(drift.stability_index([10, 0], [0, 10]))


@pytest.mark.parametrize("rows", [200, 1000, 5000])
def test_samples_of_one_distribution_have_no_drift_on_average(rows: int) -> None:
    """As found the index grows as rows get fewer; less its expectation it does not."""
    generator = np.random.default_rng(rows)
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01])
    pairs = [
        tuple(generator.multinomial(size, shares).tolist() for size in (5000, rows))
        for _ in range(300)
    ]
    found = [drift.stability_index(*pair) for pair in pairs]
    chance = 9 * (1 / 5000 + 1 / rows)
    assert drift.expected_by_chance(*pairs[0]) == pytest.approx(chance)
    assert np.mean(found) == pytest.approx(chance, rel=0.15)


RULE = drift.Rule(psi=0.25, confidence=0.95, causes=1)
CAUSES = {feature["name"]: feature["cause"] for feature in CONTRACT["features"]}


def by_day(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["event_time"][:10], []).append(record)
    return found


def test_missing_and_unknown_values_are_drift() -> None:
    records = models.events(800, 8)
    same = drift.examine(models.baseline(), by_day(records), CAUSES, RULE)
    assert max(one["psi"] for one in same.features.values()) < 0.1
    assert same.causes == []
    changed = [{**record, "origin": "LGA", "humidity_percent": None} for record in records]
    found = drift.examine(models.baseline(), by_day(changed), CAUSES, RULE)
    over = {name for name, one in found.features.items() if one["drifted"]}
    assert over == {"origin", "humidity_percent"}
    assert found.causes == ["origin", "weather_observed_at"]
    assert found.features["humidity_percent"]["nulls"] == 1.0
    assert found.chance <= 0.05


def test_features_of_one_cause_count_once(case: Case) -> None:
    """Three readings of one observation are one reason, so three causes are not there."""
    write_rule(case, "always")
    weather = ["temperature_f", "dew_point_f", "humidity_percent", "pressure_millibars"]
    for record in case.records:
        for name in weather:
            record[name] += 3
    case.capture()
    report = case.run()
    assert set(report["drifted_features"]) == set(weather)
    assert report["breached"] is False
    assert any("drifted for 1 cause (" in note for note in report["criteria"][0].values()
               if isinstance(note, str))  # fmt: skip


@pytest.mark.parametrize("moved", [1.0, -1.0])
def test_a_constant_that_moves_drifts_either_way(moved: float) -> None:
    """Quantiles of a constant are one value; without a bin of its own a fall stayed in it."""
    edges = fit.inner_edges([5.0] * 9)
    baseline = {
        "days": [f"2013-03-{day:02d}" for day in range(1, 31)],
        "features": {"x": fit.numeric_baseline(edges, [[0, 100, 0, 0]] * 30)},
    }
    window = {f"2013-04-{day:02d}": [{"x": 5.0 + moved}] * 100 for day in range(1, 8)}
    found = drift.examine(baseline, window, {}, RULE)
    assert found.features["x"]["drifted"]
    assert found.features["x"]["psi"] > 5
    assert found.features["x"]["change"] == "shift"


def seasonal(days: int, start: str, period: float) -> drift.Histograms:
    """A feature that goes up and down once in ``period`` days, ten bins, 100 rows a day."""
    dates = pd.date_range(start, periods=days)
    place = (4.5 + 4 * np.sin(2 * np.pi * dates.dayofyear / period)).round().astype(int)
    counts = np.zeros((days, 11), dtype=np.int64)
    for offset, rows in ((-1, 25), (0, 50), (1, 25)):
        np.add.at(counts, (np.arange(days), np.clip(place + offset, 0, 9)), rows)
    return drift.Histograms([one.date() for one in dates], {"x": counts})


@pytest.mark.parametrize(
    ("days", "start", "change"),
    [(70, "2013-01-20", "trend"), (420, "2012-03-01", "season")],
)
def test_change_of_time_is_named(days: int, start: str, change: str) -> None:
    window = seasonal(14, "2013-04-26", 365)
    reference = seasonal(days, start, 365)
    name = drift._change(reference, window, "x", RULE.psi)
    assert name == change
    broken = drift.Histograms(window.days, {"x": np.roll(window.features["x"][:, :10], 5, 1)})
    broken.features["x"] = np.pad(broken.features["x"], ((0, 0), (0, 1)))
    assert drift._change(reference, broken, "x", RULE.psi) == "shift"


def test_capture_names_variant_by_its_folder(tmp_path: Path) -> None:
    records = models.events(2, 1)
    write_capture(tmp_path, "challenger", [line(records, [0.1, 0.2], {"fingerprint": "f"}, "2026")])
    found = capture.read(tmp_path, tasks.of(CONTRACT))
    assert [(one.variant, one.model, one.output) for one in found.predictions] == [
        ("challenger", "f", 0.1),
        ("challenger", "f", 0.2),
    ]


@pytest.fixture(scope="module")
def year() -> drift.Histograms:
    """A tenth of the flights by day, in bins of the whole year."""
    frame = flights.sample(flights.prepare(), 0.1)
    dates = frame["event_time"].dt.date
    order = sorted(dates.unique())
    row = dates.map({day: index for index, day in enumerate(order)}).to_numpy()
    counts = {}
    for feature in CONTRACT["features"]:
        values = frame[feature["name"]]
        if feature["kind"] == "category":
            common = values.value_counts().index[: fit.BASELINE_VALUES]
            place, size = pd.Categorical(values, common).codes, len(common)
            place = np.where(place < 0, size, place)
        else:
            edges = np.array(fit.inner_edges(values.dropna().quantile(np.arange(1, 10) / 10)))
            place, size = np.searchsorted(edges, values, "left"), len(edges)
        place = np.where(values.isna(), size + 1, place)
        counts[feature["name"]] = np.zeros((len(order), size + 2), dtype=np.int64)
        np.add.at(counts[feature["name"]], (row, place), 1)
    return drift.Histograms(order, counts)


@pytest.mark.parametrize("length", [7, 30])
@pytest.mark.parametrize("causes", [1, 3])
def test_unchanged_days_seldom_ring(year: drift.Histograms, length: int, causes: int) -> None:
    """Baseline and window from one pool of days: counted by rows, 98 % and 27 % rang."""
    generator, rule = np.random.default_rng(length), dataclasses.replace(RULE, causes=causes)
    trials, rung, counted_by_row = 100, 0, 0
    for _ in range(trials):
        chosen = generator.permutation(len(year.days))[: 63 + length]
        parts = [
            drift.Histograms(
                [year.days[one] for one in order], {n: c[order] for n, c in year.features.items()}
            )
            for order in (np.sort(chosen[:63]), np.sort(chosen[63:]))
        ]
        found = drift.compare(*parts, CAUSES, rule)
        rung += len(found.causes) >= causes and found.chance <= 1 - rule.confidence
        counted_by_row += sum(one["psi"] > rule.psi for one in found.features.values()) >= 3
    assert rung <= 0.05 * trials
    assert counted_by_row >= (0.9 if length == 7 else 0.15) * trials, "the check is alive"


def wandering(days: int, window: int, correlated: float, seed: int) -> list[drift.Histograms]:
    """Baseline and window of four features that wander unchanged, each of its own cause."""
    generator, total = np.random.default_rng(seed), days + window
    level = generator.normal(0, 1, (total, 4))
    for day in range(1, total):
        level[day] *= (1 - correlated**2) ** 0.5
        level[day] += correlated * level[day - 1]
    values = level[:, None, :] + generator.normal(0, 1, (total, 30, 4))
    counts = {}
    for feature in range(4):
        edges = np.quantile(values[:days, :, feature], np.arange(1, 10) / 10)
        place = np.searchsorted(edges, values[:, :, feature]) + 11 * np.arange(total)[:, None]
        counts[f"x{feature}"] = np.bincount(place.ravel(), minlength=11 * total).reshape(total, 11)
    dates = [one.date() for one in pd.date_range("2013-01-01", periods=total)]
    return [
        drift.Histograms(dates[part], {name: one[part] for name, one in counts.items()})
        for part in (slice(days), slice(days, total))
    ]


@pytest.mark.parametrize(
    ("days", "correlated", "causes", "share"),
    [(70, 0.5, 1, 0.05), (70, 0.9, 3, 0.01), (300, 0.9, 1, 0.07)],
)
def test_how_often_features_ring_that_wander_for_weeks(
    days: int, correlated: float, causes: int, share: float
) -> None:
    """Three causes keep the level; one cause does where history is many times as long as weather.

    One cause over ten weeks with days correlated by 0.9 rings in 10 %: docs/adr/0043 says why.
    """
    rule, trials = dataclasses.replace(RULE, causes=causes), 100
    rung = 0
    for seed in range(trials):
        found = drift.compare(*wandering(days, 7, correlated, seed), {}, rule)
        rung += len(found.causes) >= causes and rule.is_rare(found.chance)
    # Two standard errors above the share that many more trials gave.
    assert rung / trials <= share + 2 * (share * (1 - share) / trials) ** 0.5


def test_a_change_of_unit_rings_in_a_week(year: drift.Histograms) -> None:
    """Every window of seven days in which distances come in other bins."""
    rung, starts = 0, range(0, 280, 14)
    for start in starts:
        reference, window = (
            drift.Histograms(year.days[part], {n: c[part] for n, c in year.features.items()})
            for part in (slice(start, start + 63), slice(start + 63, start + 70))
        )
        counts = window.features["distance_miles"]
        moved = np.minimum(np.arange(counts.shape[1]) + 3, counts.shape[1] - 2)
        window.features["distance_miles"] = np.zeros_like(counts)
        np.add.at(window.features["distance_miles"], (slice(None), moved), counts)
        found = drift.compare(reference, window, CAUSES, RULE)
        assert "distance_miles" in found.causes
        assert found.features["distance_miles"]["change"] == "shift"
        rung += found.chance <= 0.05
    assert rung == len(starts)


def test_a_day_of_bulk_scoring_is_not_the_weather_of_the_window(year: drift.Histograms) -> None:
    """One of seven days has twenty times the rows: its own weather made 41 % of windows ring."""
    generator, rung, trials = np.random.default_rng(4), 0, 100
    for _ in range(trials):
        chosen = generator.permutation(len(year.days))[:70]
        reference, window = (
            drift.Histograms(
                [year.days[one] for one in order], {n: c[order] for n, c in year.features.items()}
            )
            for order in (np.sort(chosen[:63]), np.sort(chosen[63:]))
        )
        for counts in window.features.values():
            counts[3] *= 20
        found = drift.compare(reference, window, CAUSES, RULE)
        rung += len(found.causes) >= 1 and RULE.is_rare(found.chance)
    assert rung <= 0.1 * trials


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_the_fewest_days_that_are_judged_can_show_a_shift(confidence: float) -> None:
    days = round(1 / (1 - confidence))
    counts = np.tile([100, 0, 0], (days, 1))
    dates = [one.date() for one in pd.date_range("2013-01-01", periods=days)]
    moved = np.array([[0, 100, 0]])
    found = drift.compare(
        drift.Histograms(dates[:-1], {"x": counts[:-1]}),
        drift.Histograms(dates[-1:], {"x": moved}),
        {},
        drift.Rule(psi=0.25, confidence=confidence, causes=1),
    )
    assert found.features["x"]["drifted"]


def test_only_events_whose_labels_are_complete_are_judged(case: Case) -> None:
    """Late labels are those of late flights: the newest events have labels of early ones alone."""
    case.capture()
    case.label(1500)
    known = {r["flight_id"]: one for r, one in zip(case.records, case.labels, strict=True)}
    moment = monitor._time("2013-04-08T00:00:00Z")
    captured = capture.read(case.base / "input/capture", tasks.of(CONTRACT))
    reference = monitor.reference(case.base / "input")
    report = monitor.examine(CONTRACT, WINDOW, captured, known, reference, complete=moment)
    before = [r for r in case.records if monitor._time(r["event_time"]) <= moment]
    assert 0 < len(before) < 1500
    assert report["labelled"] == len(before)
    told = monitor.outcomes(case.base / "input/outcomes")
    found = monitor.complete_until(told, CONTRACT)
    assert found == monitor._time("2013-04-19T00:00:00Z"), "a day before the newest label"
    case.outcomes(events=1500, newest_label="2013-04-09T00:00:00Z")
    assert case.run()["labelled"] == len(before)
