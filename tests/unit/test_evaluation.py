"""Metrics against scikit-learn and against known truths; the evaluation job end to end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from bundles.archives import source_bundle
from local.engines.container import build
from model_code.evaluation import bootstrap, evaluate, inputs, metrics
from model_code.models import Model
from tests.support import models
from tests.support.spark_jobs import CONTRACT

HOUR = bootstrap.MICROSECONDS_PER_HOUR
DAY = 24 * HOUR


def sample(rows: int, seed: int, days: int = 30, gap: float = 0.0):  # type: ignore[no-untyped-def]
    """Labels, predictions that are ``gap`` too low, and event times."""
    generator = np.random.default_rng(seed)
    truth = generator.beta(2, 5, rows)
    label = (generator.random(rows) < truth).astype(float)
    times = np.sort(generator.integers(0, days * 24, rows)) * HOUR
    return label, np.clip(truth - gap, 0.001, 0.999), times


def test_values_are_those_of_scikit_learn() -> None:
    label, probability, times = sample(2000, 1)
    found = metrics.evaluate(label, probability, metrics.draw(times, 0), bins=10, confidence=0.95)
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
    found = bootstrap.area_under_curve(label, probability, draws, 0.95)
    if label.min() == label.max():
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(label, probability))
        assert found.low <= found.high


def test_a_replicate_is_the_metric_on_the_drawn_days() -> None:
    """The matrix products equal drawing the days' rows and computing each metric anew."""
    label, probability, times = sample(600, 3, days=12)
    draws = metrics.draw(times, 4, replicates=5)
    for counts in draws.counts:
        one = metrics.Draws(draws.block, counts[None, :], 0)
        repeats = counts[draws.block].astype(int)
        again, predicted = np.repeat(label, repeats), np.repeat(probability, repeats)
        area = bootstrap.area_under_curve(label, probability, one, 0.95)
        assert area is not None
        assert area.low == pytest.approx(roc_auc_score(again, predicted))


def day_world(days: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels whose odds share a day's luck, predictions that do not know it, and event times."""
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 100)
    score = generator.normal(0, 1, days * 100) - 1.2
    odds = score + generator.normal(0, 0.5, days)[day]
    label = (generator.random(days * 100) < 1 / (1 + np.exp(-odds))).astype(float)
    return label, 1 / (1 + np.exp(-score)), day * DAY


@pytest.mark.parametrize("days", [7, 13])
def test_intervals_over_few_days_cover(days: int) -> None:
    """Of 200 hold-outs 95 % hold the truth; plain percentiles of 7 days held 86 %."""
    label, probability, _ = day_world(4000, 1)
    loss = metrics.losses(label, probability)
    truth = {
        "log_loss": loss.mean(),
        "relative": loss.mean() / bootstrap.entropy(np.array(label.mean())),
        "auc": roc_auc_score(label, probability),
    }
    inside = dict.fromkeys([*truth, "percentiles"], 0)
    for seed in range(200):
        label, probability, times = day_world(days, seed + 2)
        draws, loss = metrics.draw(times, seed), metrics.losses(label, probability)
        relative = bootstrap.relative_loss(label, loss, draws, 0.95)
        found = {
            "log_loss": bootstrap.mean(loss, draws, 0.95),
            "relative": relative and relative[0],
            "auc": bootstrap.area_under_curve(label, probability, draws, 0.95),
        }
        for name, one in found.items():
            inside[name] += one.low <= truth[name] <= one.high
        replicates = (draws.counts @ draws.sums(loss)) / (draws.counts.sum(axis=1) * 100)
        plain = bootstrap.interval(0.0, replicates, 0.95)
        inside["percentiles"] += plain.low <= truth["log_loss"] <= plain.high
    assert min(inside[name] for name in truth) >= 183, inside
    assert inside["percentiles"] < inside["log_loss"]


def test_a_year_without_change_promotes_nothing_needless() -> None:
    """Twelve decisions between models that are equally good, on hold-outs of 13 days each."""
    confidence, decisions = 0.95, 12
    of_one = bootstrap.year_confidence(confidence, decisions)
    years, wrong, one_by_one = 150, 0, 0
    generator = np.random.default_rng(3)
    day = np.repeat(np.arange(13), 50)
    for _ in range(years):
        promoted = plainly = False
        for _ in range(decisions):
            difference = generator.normal(0, 0.01, 13)[day] + generator.normal(0, 0.05, len(day))
            draws = metrics.draw(day * DAY, 1, replicates=1)
            promoted |= metrics.mean(difference, draws, of_one).high < 0
            plainly |= metrics.mean(difference, draws, confidence).high < 0
        wrong += promoted
        one_by_one += plainly
    # 95 % binomial bound around 5 % of 150.
    assert wrong <= 13
    assert one_by_one > 20, "the year's level is not that of one decision"


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
        found = metrics.mean(metrics.losses(label, probability), metrics.draw(days, seed), 0.95)
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
        label, probability, metrics.draw(day * DAY, 0), bins=10, confidence=0.95
    )
    by_day, by_row = found["log_loss"], found["sampling"]["log_loss"]
    assert by_day["high"] - by_day["low"] > 2 * (by_row["high"] - by_row["low"])


def test_curves_run_from_corner_to_corner() -> None:
    label, probability, times = sample(5000, 2)
    found = metrics.evaluate(label, probability, metrics.draw(times, 0), bins=10, confidence=0.95)
    assert found["roc"][0] == {"false_positive_rate": 0.0, "true_positive_rate": 0.0}
    assert found["roc"][-1] == {"false_positive_rate": 1.0, "true_positive_rate": 1.0}
    assert len(found["roc"]) <= 100
    assert sum(point["rows"] for point in found["calibration"]) == 5000
    assert len(found["calibration"]) == 10


def test_a_constant_has_one_bin_and_no_ranking() -> None:
    label, _, times = sample(500, 2)
    found = metrics.evaluate(
        label, np.full(500, 0.25), metrics.draw(times, 0), bins=10, confidence=0.95
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
