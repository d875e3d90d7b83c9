"""Metrics against scikit-learn and against known truths; the evaluation job end to end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from bundles.archives import source_bundle
from local.engines.container import build
from model_code import tasks
from model_code.evaluation import bootstrap, evaluate, inputs, jackknife, metrics
from model_code.models import Model
from model_code.tasks.binary import measures as binary
from tests.bench import bench_level
from tests.support import models
from tests.support.spark_jobs import CONTRACT

HOUR = bootstrap.MICROSECONDS_PER_HOUR
DAY = 24 * HOUR


BINARY = tasks.measures_of(CONTRACT)


def evaluated(label: Any, outputs: Any, draws: metrics.Draws) -> dict[str, Any]:
    return metrics.evaluate(BINARY, label, outputs, draws, bins=10, confidence=0.95)


def relative(label: Any, loss: Any, draws: metrics.Draws) -> Any:
    """Loss relative to the base rate's entropy."""
    constant = BINARY.losses(label, BINARY.constants(label, len(label)))
    without = BINARY.constant_without(label, draws)
    return bootstrap.relative_loss(loss, constant, without, draws, 0.95)


def sample(rows: int, seed: int, days: int = 30, gap: float = 0.0):  # type: ignore[no-untyped-def]
    """Labels, predictions that are ``gap`` too low, and event times."""
    generator = np.random.default_rng(seed)
    truth = generator.beta(2, 5, rows)
    label = (generator.random(rows) < truth).astype(float)
    times = np.sort(generator.integers(0, days * 24, rows)) * HOUR
    return label, np.clip(truth - gap, 0.001, 0.999), times


def test_values_are_those_of_scikit_learn() -> None:
    label, probability, times = sample(2000, 1)
    found = metrics.evaluate(
        BINARY, label, probability, metrics.draw(times, 0), bins=10, confidence=0.95
    )
    assert found["log_loss"]["value"] == pytest.approx(log_loss(label, probability))
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(label, probability))
    assert found["blocks"] == 30


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.9])), min_size=4, max_size=60
    )
)
def test_area_counts_ties_as_half(rows: list[tuple[bool, float]]) -> None:
    label = np.array([float(one) for one, _ in rows])
    probability = np.array([value for _, value in rows])
    draws = metrics.draw(np.arange(len(rows)) * DAY // 3, 0)
    found = binary.area_under_curve(label, probability, draws, 0.95)
    if label.min() == label.max():
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(label, probability))


def test_each_day_is_left_out_once() -> None:
    """The sums equal leaving the day's rows out and computing each metric anew."""
    label, probability, times = sample(600, 3, days=12)
    draws = metrics.draw(times, 4, replicates=1)
    rows, loss = draws.sums(np.ones(600)), BINARY.losses(label, probability)
    kept = [draws.block != day for day in range(12)]
    without = {
        "auc": [roc_auc_score(label[one], probability[one]) for one in kept],
        "relative": [
            loss[one].mean() / float(binary.entropy(np.array(label[one].mean()))) for one in kept
        ],
        "loss": [loss[one].mean() for one in kept],
    }
    compared = relative(label, loss, draws)
    found = {
        "auc": binary.area_under_curve(label, probability, draws, 0.95),
        "relative": compared and compared[0],
        "loss": bootstrap.mean(loss, draws, 0.95),
    }
    for name, one in found.items():
        again = jackknife.interval(
            one.value, np.array(without[name]), rows, 0.95, alike=name == "loss"
        )
        assert (one.low, one.high) == pytest.approx((again.low, again.high))


@settings(max_examples=100, deadline=None)
@given(rows=st.integers(1, 40), days=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_every_value_is_inside_its_interval(rows: int, days: int, seed: int) -> None:
    """Calibration error of 5 to 20 rows lay outside: noise of a bin of one row is not seen."""
    label, probability, times = sample(rows, seed, days)
    draws = metrics.draw(times, seed, replicates=200)
    found = metrics.evaluate(BINARY, label, probability, draws, bins=10, confidence=0.95)
    for where, blocks in ((found, draws.blocks), (found["sampling"], rows + 1)):
        for name in ("log_loss", "relative_loss", "auc", "calibration_error"):
            one = where.get(name)
            if one is None or one["low"] is None:
                continue
            assert blocks > 1, "one day has no interval"
            assert one["low"] <= one["value"] + 1e-12
            assert one["value"] <= one["high"] + 1e-12


def test_few_rows_are_not_miscalibrated_by_their_number() -> None:
    """A perfect model: with a bin for each row the error was 0.4, and certain."""
    found = []
    for seed in range(40):
        label, probability, times = sample(10, seed, days=7)
        draws = metrics.draw(times, seed)
        found.append(metrics.calibration(label, probability, draws, 10, 0.95))
    assert np.mean([one.error.value for one in found]) < 0.1
    assert sum(one.error.low == 0 for one in found if one.error.low is not None) >= 36
    assert sum(one.sampling.low == 0 for one in found) >= 36


def test_where_days_cannot_tell_there_is_no_interval() -> None:
    """One day; or all positives on one day, without which there is no area."""
    label, probability, _ = sample(200, 1)
    one_day = metrics.evaluate(
        BINARY, label, probability, metrics.draw(np.zeros(200, int), 0), bins=10, confidence=0.95
    )
    for name in ("log_loss", "relative_loss", "auc", "calibration_error"):
        assert one_day[name]["low"] is one_day[name]["high"] is None
    assert one_day["sampling"]["log_loss"]["low"] < one_day["log_loss"]["value"]
    day = np.arange(200) % 5
    found = metrics.evaluate(
        BINARY,
        label * (day == 2),
        probability,
        metrics.draw(day * DAY, 0),
        bins=10,
        confidence=0.95,
    )
    assert found["auc"]["low"] is found["relative_loss"]["low"] is None
    assert found["log_loss"]["low"] is not None


def day_world(days: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels whose odds share a day's luck, predictions that do not know it, and event times."""
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 100)
    score = generator.normal(0, 1, days * 100) - 1.2
    odds = score + generator.normal(0, 0.5, days)[day]
    label = (generator.random(days * 100) < 1 / (1 + np.exp(-odds))).astype(float)
    return label, 1 / (1 + np.exp(-score)), day * DAY


def holds(found: jackknife.Interval, truth: float) -> bool:
    """Whether the truth is inside."""
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


@pytest.mark.parametrize("days", [5, 7, 13])
def test_intervals_over_few_days_cover(days: int) -> None:
    """Of 200 hold-outs 95 % hold the truth, of log loss, whose days count as alike, more.

    Plain percentiles of 7 days held 86 %, percentiles further out of 5 days 92 % (area).
    """
    label, probability, _ = day_world(4000, 1)
    loss = BINARY.losses(label, probability)
    truth = {
        "log_loss": loss.mean(),
        "relative": loss.mean() / binary.entropy(np.array(label.mean())),
        "auc": roc_auc_score(label, probability),
    }
    inside = dict.fromkeys([*truth, "percentiles"], 0)
    for seed in range(200):
        label, probability, times = day_world(days, seed + 2)
        draws, loss = metrics.draw(times, seed), BINARY.losses(label, probability)
        compared = relative(label, loss, draws)
        found = {
            "log_loss": bootstrap.mean(loss, draws, 0.95),
            "relative": compared and compared[0],
            "auc": binary.area_under_curve(label, probability, draws, 0.95),
        }
        for name, one in found.items():
            inside[name] += holds(one, truth[name])
        replicates = (draws.counts @ draws.sums(loss)) / (draws.counts.sum(axis=1) * 100)
        plain = bootstrap.interval(0.0, replicates, 0.95)
        inside["percentiles"] += holds(plain, truth["log_loss"])
    assert min(inside[name] for name in truth) >= 185, inside
    assert inside["percentiles"] < inside["log_loss"]


def year_level(correlated: float, days: int, *, alike: bool) -> float:
    """Share of years in which one of twelve decisions promotes a model that is no better."""
    return 1 - (1 - bench_level.share(correlated, days, 0.0, 5000, alike=alike)) ** 12


@pytest.mark.parametrize("days", [7, 13, 30])
def test_a_year_without_change_promotes_nothing_needless(days: int) -> None:
    """5 % of years, also when neighbouring days are alike; two standard errors are 2 %."""
    assert year_level(0.3, days, alike=True) <= 0.05 + 0.02
    assert year_level(0.0, days, alike=True) <= 0.05


def test_what_is_assumed_of_neighbouring_days_is_needed_and_has_a_limit() -> None:
    """As if independent: 20 % of years; and weather beyond what is assumed costs the level."""
    assert year_level(0.0, 13, alike=False) <= 0.05 + 0.02
    assert year_level(0.3, 13, alike=False) > 0.15
    assert 0.1 < year_level(0.6, 13, alike=True) < 0.25
    assert year_level(0.6, 13, alike=False) > 0.5


def test_a_plain_improvement_is_promoted() -> None:
    """Of twice a day's spread over 13 days; docs/adr/0043 has a table."""
    assert bench_level.share(0.2, 13, 2.0, 400, alike=True) >= 0.8


def test_the_correlation_of_few_days_is_not_too_low_on_average() -> None:
    generator = np.random.default_rng(5)
    plain, found = [], []
    for _ in range(2000):
        value = bench_level.differences(0.3, 13, generator)
        value -= value.mean()
        plain.append((value[1:] * value[:-1]).sum() / (value**2).sum())
        found.append(jackknife.estimated_correlation(value))
    assert np.mean(plain) < 0.2
    assert np.mean(found) == pytest.approx(0.3, abs=0.04)


def test_days_that_are_alike_are_fewer() -> None:
    """Kish's number without correlation; with it, Zwiers and von Storch's."""
    assert jackknife.effective_days(np.full(10, 7.0), 0.0) == pytest.approx(10)
    assert jackknife.effective_days(np.array([3.0, 1.0]), 0.0) == pytest.approx(1.6)
    lags = np.arange(1, 13)
    expected = 13 / (1 + 2 * ((1 - lags / 13) * 0.3**lags).sum())
    assert jackknife.effective_days(np.full(13, 7.0), 0.3) == pytest.approx(expected)


def test_equal_times_and_seed_give_equal_draws() -> None:
    _, _, times = sample(100, 1)
    first, second = (metrics.draw(times, 9) for _ in range(2))
    assert (first.counts == second.counts).all()
    assert (metrics.draw(times, 8).counts != first.counts).any()


def test_days_are_drawn_however_few_there_are() -> None:
    """Hours of one day share its luck: counted as independent they covered 49 to 70 %."""
    times = np.arange(72) * HOUR
    assert metrics.draw(times, 0).blocks == 3
    inside = 0
    for seed in range(200):
        label, probability, days = day_world(3, seed + 2)
        found = metrics.mean(BINARY.losses(label, probability), metrics.draw(days, seed), 0.95)
        inside += found.low <= 0.4934 <= found.high
    assert inside >= 180


@pytest.mark.parametrize("largest", [1, 20])
def test_a_day_with_many_rows_moves_no_interval_off_its_level(largest: int) -> None:
    """A difference of nothing, promoted in at most 5 % of years of twelve decisions."""
    generator = np.random.default_rng(5)
    of_one, years, wrong = bootstrap.year_confidence(0.95, 12), 100, 0
    sizes = np.array([50 * largest, *[50] * 12])
    day = np.repeat(np.arange(13), sizes)
    draws = metrics.draw(day * DAY, 1, replicates=1)
    for _ in range(years):
        found = []
        for _ in range(12):
            values = generator.normal(0, 0.01, 13)[day] + generator.normal(0, 0.05, len(day))
            found.append(metrics.mean(values, draws, of_one).high < 0)
        wrong += any(found)
    assert wrong <= 10


@pytest.mark.parametrize("rows", [400, 4000, 40_000])
def test_calibration_of_a_perfect_model_does_not_depend_on_rows(rows: int) -> None:
    found = []
    for seed in range(20):
        label, probability, times = sample(rows, seed)
        draws = metrics.draw(times, seed)
        found.append(metrics.calibration(label, probability, draws, 10, 0.95).sampling)
    # With the noise left in, the mean would be near 1.4 over the root of the rows.
    assert np.mean([one.value for one in found]) < 0.9 / rows**0.5
    assert sum(one.low > 0 for one in found) <= 3


def test_calibration_finds_the_gap() -> None:
    inside = 0
    for seed in range(40):
        label, probability, times = sample(3000, seed, gap=0.08)
        found = metrics.calibration(label, probability, metrics.draw(times, seed), 10, 0.95)
        inside += found.sampling.low <= 0.08 <= found.sampling.high
        assert found.error.value == pytest.approx(0.08, abs=0.035)
    assert inside >= 34


def test_days_that_share_their_luck_widen_the_interval_by_day_only() -> None:
    generator = np.random.default_rng(0)
    day = np.repeat(np.arange(30), 100)
    rate = np.clip(generator.normal(0.3, 0.15, 30), 0.02, 0.98)
    label = (generator.random(3000) < rate[day]).astype(float)
    probability = np.full(3000, 0.3)
    found = metrics.evaluate(
        BINARY, label, probability, metrics.draw(day * DAY, 0), bins=10, confidence=0.95
    )
    by_day, by_row = found["log_loss"], found["sampling"]["log_loss"]
    assert by_day["high"] - by_day["low"] > 2 * (by_row["high"] - by_row["low"])


def test_curves_run_from_corner_to_corner() -> None:
    label, probability, times = sample(5000, 2)
    found = metrics.evaluate(
        BINARY, label, probability, metrics.draw(times, 0), bins=10, confidence=0.95
    )
    assert found["roc"][0] == {"false_positive_rate": 0.0, "true_positive_rate": 0.0}
    assert found["roc"][-1] == {"false_positive_rate": 1.0, "true_positive_rate": 1.0}
    assert len(found["roc"]) <= 100
    assert sum(point["rows"] for point in found["calibration"]) == 5000
    assert len(found["calibration"]) == 10


def test_a_constant_has_one_bin_and_no_ranking() -> None:
    label, _, times = sample(500, 2)
    found = metrics.evaluate(
        BINARY, label, np.full(500, 0.25), metrics.draw(times, 0), bins=10, confidence=0.95
    )
    assert found["auc"]["value"] == 0.5
    assert len(found["calibration"]) == 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.training import fit

    folder = tmp_path_factory.mktemp("evaluated")
    models.write_run(folder / "run")
    fit(folder / "run", folder / "model", "--trees", "40")
    models.write_seed(folder / "seed")
    return folder


def test_the_difference_is_paired(run: Path) -> None:
    rows = inputs.holdout(run / "run" / "holdout", CONTRACT)
    candidate, seed = Model(run / "model"), Model(run / "seed")
    found = evaluate.compare(CONTRACT, rows, candidate, seed, 1)
    difference = found["difference"]["log_loss"]
    values = [found[role]["log_loss"]["value"] for role in ("candidate", "champion")]
    assert difference["value"] == pytest.approx(values[0] - values[1])
    assert difference["high"] < 0
    same = evaluate.compare(CONTRACT, rows, candidate, candidate, 1)
    assert same["difference"]["log_loss"] == {"value": 0, "low": 0, "high": 0}


def test_models_see_the_holdout_through_their_own_encodings(run: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "other"
    shutil.copytree(run / "model", other)
    spec = json.loads((other / "feature_spec.json").read_text())
    mapping = spec["features"][0]["mapping"]
    spec["features"][0]["mapping"] = dict(zip(mapping, reversed(mapping.values()), strict=True))
    (other / "feature_spec.json").write_text(json.dumps(spec))
    rows = inputs.holdout(run / "run" / "holdout", CONTRACT)
    found = evaluate.compare(CONTRACT, rows, Model(run / "model"), Model(other), 1)
    assert found["difference"]["log_loss"]["value"] < 0
    own = Model(run / "model")
    encoded = own.predict_matrix(rows[list(own.features)].to_numpy())
    assert inputs.predictions(own, inputs.records(rows)).tolist() == encoded


def test_the_processing_job_runs_from_its_files_alone(run: Path, tmp_path: Path) -> None:
    """run.py, shipped alone under the name of its digest, finds the source archive.

    It runs on the image's packages, as on SageMaker.
    """
    base = tmp_path / "processing"
    for name in ("contract", "code", "source", "holdout"):
        (base / "input" / name).mkdir(parents=True)
    (base / "input/contract/0a1b.json").write_text(json.dumps(CONTRACT))
    script = base / "input/code/2c3d.py"
    script.write_text(Path("model_code/jobs/run.py").read_text())
    (base / "input/source/4e5f.gz").write_bytes(source_bundle().read_bytes())
    holdout = (run / "run/holdout/part.parquet").read_bytes()
    (base / "input/holdout/part.parquet").write_bytes(holdout)
    models.pack(run / "model", base / "input/candidate/model.tar.gz")
    models.pack(run / "seed", base / "input/champion/6a7b.gz")
    command = [str(build.python()), "-P", str(script), "evaluate"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads((base / "output/evaluation/evaluation.json").read_text())
    assert document["candidate"]["rows"] == document["champion"]["rows"] == 1000
    assert document["candidate"]["model"]["fingerprint"] == Model(run / "model").fingerprint
    refused = subprocess.run([*command[:-1], "tune"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "allowed: evaluate, monitor" in refused.stderr
