"""Tasks where data is poor: absent classes, one day, equal labels, odd names, odd answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdas.gate.logic import quality
from lambdas.registry.logic import Candidate, metadata
from model_code import algorithms, tasks, yardsticks
from model_code.evaluation import inputs, metrics
from model_code.models import Model
from model_code.monitoring import monitor
from model_code.tasks.task import AnswerError
from tests.support import task_worlds
from tests.support.task_contracts import CLASSES, EARLY, LABEL, LATE, ON_TIME, compiled

DAY = 86_400_000_000
CASES = ("squared", "absolute", "ranges", "texts")
SHARES = dict(zip(CLASSES, (0.2, 0.3, 0.5), strict=True))


def some(case: str, rows: int = 60, days: int = 10, seed: int = 1) -> tuple[Any, Any, Any]:
    """Labels, outputs and draws of a case."""
    generator = np.random.default_rng(seed)
    times = np.sort(generator.integers(0, days, rows)) * DAY
    if tasks.of(compiled(case)).outputs == 1:
        label = generator.normal(10, 40, rows).round(1)
        return label, label + generator.normal(0, 20, rows), metrics.draw(times, 1, 50)
    outputs = generator.dirichlet([1, 2, 3], rows)
    return generator.integers(0, 3, rows).astype(float), outputs, metrics.draw(times, 1, 50)


def evaluated(case: str, label: Any, outputs: Any, draws: Any) -> dict[str, Any]:
    measures = tasks.measures_of(compiled(case))
    found = metrics.evaluate(measures, label, outputs, draws, bins=10, confidence=0.95)
    return dict(json.loads(json.dumps(found, allow_nan=False)))


@pytest.mark.parametrize("case", CASES)
def test_one_day_has_values_and_no_interval(case: str) -> None:
    label, outputs, _ = some(case)
    found = evaluated(case, label, outputs, metrics.draw(np.zeros(60, int), 1, 50))
    for metric in tasks.of(compiled(case)).metrics:
        assert math.isfinite(found[metric.key]["value"])
        assert found[metric.key]["low"] is found[metric.key]["high"] is None


@pytest.mark.parametrize("case", CASES)
def test_a_card_of_intervals_without_ends_is_one_all_the_same(case: str) -> None:
    label, outputs, _ = some(case)
    mine = evaluated(case, label, outputs, metrics.draw(np.zeros(60, int), 1, 50))
    task = tasks.of(compiled(case))
    candidate = Candidate("run", "job", "s3://a/m", "s3://a/e", "1.0.0", {})
    difference = {task.objective.key: {"value": -0.1, "low": None, "high": None}}
    card = metadata(candidate, {"candidate": mine, "difference": difference}, task)
    assert card[f"{task.objective.key}_difference_to_champion"] == "-0.10000"
    assert {metric.key for metric in task.metrics} <= set(card)


@pytest.mark.parametrize("case", CASES)
def test_equal_labels_have_no_relative_loss(case: str) -> None:
    label, outputs, draws = some(case)
    found = evaluated(case, np.full_like(label, label[0]), outputs, draws)
    assert found["relative_loss"] is found["sampling"]["relative_loss"] is None
    assert math.isfinite(found[tasks.of(compiled(case)).objective.key]["value"])


def test_an_absent_class_is_a_row_of_nothing() -> None:
    label, outputs, draws = some("ranges")
    found = evaluated("ranges", np.where(label == 1, 2.0, label), outputs, draws)
    assert found["confusion"][1] == [0, 0, 0]
    assert 0 < found["relative_loss"]["low"] < found["relative_loss"]["high"]


def test_a_sure_error_has_a_finite_loss() -> None:
    measures = tasks.measures_of(compiled("ranges"))
    losses = measures.losses(np.array([0.0, 1.0]), np.array([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]))
    assert losses.tolist() == [pytest.approx(-math.log(1e-7)), 0]


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_class_that_training_never_saw_is_answered_with_next_to_nothing(
    absent: int, algorithm: str, tmp_path: Path
) -> None:
    run, other = tmp_path / "run", float((absent + 1) % 3)
    task_worlds.write_run("ranges", run)
    for part in ("train", "validation"):
        rows = shrunk(run, part)
        rows["__label"] = rows["__label"].replace(float(absent), other)
        rows.to_parquet(run / part / "part.parquet", index=False)
    target = task_worlds.fitted(algorithm, run, tmp_path / "model")
    rows = pd.read_parquet(run / "holdout").head(50)
    outputs = inputs.predictions(Model(target), inputs.records(rows))
    assert outputs[:, absent].max() < 0.05
    assert np.allclose(outputs.sum(axis=1), 1, atol=1e-5)
    simple = json.loads((target / yardsticks.FILE).read_bytes())
    assert simple["constant"][absent] == 0
    said = yardsticks.predict(simple, rows[list(Model(target).features)].to_numpy(float))
    assert said["linear"].shape == said["constant"].shape == (50, 3)
    assert said["linear"][:, absent].max() < 1e-9
    losses = tasks.measures_of(compiled("ranges")).losses(np.full(50, absent), said["linear"])
    assert np.isfinite(losses).all(), "the hold-out may have what training has not"


def shrunk(run: Path, part: str) -> pd.DataFrame:
    """Every fourth row of a part."""
    return pd.read_parquet(run / part).iloc[::4].reset_index(drop=True)


def test_a_linear_model_of_one_class_says_why_there_is_none() -> None:
    training = algorithms.part("linear", "training")
    of_task = tasks.of(compiled("ranges"))
    model = training.Training(of_task, {"penalty": 1.0, "penalties": 1})
    rows = (np.ones((20, 2)), np.zeros(20))
    with pytest.raises(ValueError, match="of one class"):
        model.search(rows, rows)
    assert training.fit(tasks.measures_of(compiled("ranges")), *rows, 1.0) is None


@pytest.mark.parametrize(
    ("case", "summary", "reason"),
    [
        ("squared", {"mean": 7.1, "standard_deviation": 0.0}, "one label alone in 9 rows"),
        ("squared", {"mean": 7.1, "standard_deviation": 7e-8}, "one label alone in 9 rows"),
        ("squared", {"mean": 0.0, "standard_deviation": 1.0}, None),
        ("ranges", {"classes": {EARLY: 9, ON_TIME: 0, LATE: 0}}, "1 of 3 classes in 9 rows"),
        ("ranges", {"classes": {EARLY: 8, ON_TIME: 0, LATE: 1}}, None),
    ],
)
def test_the_gate_refuses_labels_that_teach_nothing(
    case: str, summary: dict[str, Any], reason: str | None
) -> None:
    contract: Any = compiled(case)
    contract["gate"] |= {"minimumTrainingRows": 9, "minimumHoldoutRows": 9}
    statistics = {
        "contract_version": contract["version"],
        "rows": {"train": 9, "validation": 9, "holdout": 9},
        "labels": dict.fromkeys(("train", "validation", "holdout"), summary),
        "nulls": {feature["name"]: 0.0 for feature in contract["features"]},
    }
    answer = quality(contract, statistics)
    assert answer["passed"] is (reason is None)
    assert all(str(reason) in told for told in answer["reasons"])


def test_an_empty_part_has_a_summary() -> None:
    assert tasks.of(compiled("squared")).summary(0, [0.0, 0.0])["mean"] is None
    found = tasks.of(compiled("ranges")).summary(0, [0.0] * 3)
    assert found == {"classes": dict.fromkeys(CLASSES, 0)}


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("squared", {}),
        ("squared", {"value": None}),
        ("squared", {"value": "7"}),
        ("squared", {"value": True}),
        ("squared", {"value": math.nan}),
        ("squared", {"value": math.inf}),
        ("squared", {"value": 10**400}),
        ("ranges", {"probabilities": [0.2, 0.3, 0.5]}),
        ("ranges", {"class": LATE}),
        ("ranges", {"probabilities": {EARLY: 0.5, LATE: 0.5}}),
        ("ranges", {"probabilities": {**SHARES, "other": 0.0}}),
        ("ranges", {"probabilities": {**SHARES, LATE: math.nan}}),
        ("ranges", {"probabilities": {**SHARES, LATE: -(10**400)}}),
        ("ranges", {"probabilities": {**SHARES, LATE: 0.6}}),
        ("ranges", {"probabilities": {EARLY: 1.5, ON_TIME: -0.5, LATE: 0}}),
    ],
)
def test_what_is_no_answer_is_refused_without_its_values(case: str, answer: Any) -> None:
    with pytest.raises(AnswerError) as refused:
        tasks.of(compiled(case)).read(answer)
    assert not any(character.isdigit() for character in str(refused.value))


def test_the_likeliest_class_is_the_tasks_not_the_models() -> None:
    task = tasks.of(compiled("ranges"))
    read = task.read({"class": EARLY, "probabilities": SHARES})
    assert task.answer(read) == {"class": LATE, "probabilities": SHARES}


@pytest.mark.parametrize("output", [0.3, [0.5, 0.5], [0.2, 0.3, 0.4], [0.5, 0.6, -0.1], ["a"] * 3])
def test_a_constant_must_be_an_output(output: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"probabilit|shorter|longer"):
        task_worlds.write_seed("ranges", tmp_path / "seed", output)


@pytest.mark.parametrize("case", CASES)
def test_a_stored_label_that_says_nothing_stops_no_monitor(case: str, tmp_path: Path) -> None:
    """Rows of before the classes changed, or without a value, beside one that tells."""
    known = {"texts": [LATE, None, "of old"]}.get(case, [33, None])
    rows = pd.DataFrame({
        "flight_id": [f"f{index}" for index in range(len(known))],
        "label_time": pd.Timestamp("2013-04-20"),
        LABEL: known,
    })  # fmt: skip
    rows.to_parquet(tmp_path / "part.parquet", index=False)
    now = pd.Timestamp("2014-01-01", tz="UTC").to_pydatetime()
    found = monitor.labels(tmp_path, compiled(case), now)
    expected = 33.0 if case in ("squared", "absolute") else 2.0
    assert found == {"f0": expected}
