"""Each task with each algorithm on real flights: training, archive, hooks and the decision."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as truth

from lambdas.gate.logic import decide
from lambdas.registry.logic import Candidate, package_request
from model_code import algorithms, tasks, yardsticks
from model_code.evaluation import evaluate, inputs
from model_code.models import Model
from tests.support import task_worlds
from tests.support.task_contracts import CLASSES
from tests.support.task_worlds import Trained

PAIRS = [
    (case, algorithm)
    for case in ("squared", "absolute", "ranges", "texts")
    for algorithm in algorithms.ALGORITHMS
    # Texts are the classes of ``ranges`` by another way to the label: one algorithm shows it.
    if (case, algorithm) != ("texts", "linear")
] + [("binary", "linear")]
JSON = "application/json"
POOR: dict[str, Any] = {"binary": 0.6, "multiclass": [0.1, 0.2, 0.7], "regression": 60.0}


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    case, algorithm = request.param
    return task_worlds.train(case, algorithm, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def compared(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The evaluation of the candidate against a constant that is far from what happens."""
    folder = tmp_path_factory.mktemp("seed") / "model"
    seed = task_worlds.write_seed(trained.case, folder, POOR[trained.contract["task"]])
    return evaluated(trained, trained.model, seed)


def evaluated(trained: Trained, candidate: Model, champion: Model) -> dict[str, Any]:
    rows = inputs.holdout(trained.run / "holdout", trained.contract)
    simple = evaluate.yardstick_outputs(trained.folder, rows)
    found = evaluate.compare(trained.contract, rows, candidate, champion, 1, simple=simple)
    return dict(json.loads(json.dumps(found, allow_nan=False)))


def holdout(trained: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the model's outputs."""
    rows = inputs.holdout(trained.run / "holdout", trained.contract)
    return rows["__label"].to_numpy(), inputs.predictions(trained.model, inputs.records(rows))


def test_the_archive_s_hooks_answer_in_order_and_as_the_task_reads(trained: Trained) -> None:
    found = task_worlds.records(task_worlds.between("holdout"), trained.contract)[:50]
    hooks = trained.hooks()
    body = json.dumps({"instances": found}).encode()
    text, kind = hooks.transform_fn(hooks.model_fn(str(trained.folder)), body, JSON, JSON)
    answer = json.loads(text, parse_constant=pytest.fail)
    assert kind == JSON
    said = answer["predictions"]
    assert [one["record_id"] for one in said] == [one["flight_id"] for one in found]
    task = tasks.of(trained.contract)
    outputs = [task.read(one) for one in said]
    assert outputs == trained.model.predict(found), "text loses nothing"
    assert len(set(outputs)) > 10
    assert answer["model"]["kind"] == trained.algorithm
    for members in said:
        assert task.answer(task.read(members)).items() <= members.items()


def test_an_answer_is_the_same_alone_and_among_others(trained: Trained) -> None:
    found = task_worlds.records(task_worlds.between("holdout"), trained.contract)[:200]
    model = trained.model
    together = model.predict(found)
    assert [model.predict([one])[0] for one in found] == together
    assert model.predict(found[:7]) == together[:7]


def test_probabilities_are_a_whole(trained: Trained) -> None:
    _, outputs = holdout(trained)
    assert np.isfinite(outputs).all()
    if tasks.of(trained.contract).outputs > 1:
        assert outputs.shape[1] == len(CLASSES)
        assert np.allclose(outputs.sum(axis=1), 1, rtol=0, atol=1e-5)
        assert (outputs >= 0).all()


def test_the_same_rows_give_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        """Without what importing the archive's code in this process leaves beside it."""
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.parent.name != "__pycache__"
        }

    again = task_worlds.fitted(trained.algorithm, trained.run, tmp_path / "again")
    assert written(again) == written(trained.folder)
    assert Model(again).fingerprint == trained.model.fingerprint


def test_the_archive_names_its_algorithm_and_holds_its_modules_alone(trained: Trained) -> None:
    assert json.loads((trained.folder / "model.json").read_bytes()) == {"kind": trained.algorithm}
    code = trained.folder / "code/model_code"
    assert {path.parent.name for path in code.glob("algorithms/*/*.py")} == {trained.algorithm}
    task = trained.contract["task"]
    assert {path.parent.name for path in code.glob("tasks/*/*.py")} == {task}


LOSSES = {
    "binary": {"log_loss": truth.log_loss, "auc": truth.roc_auc_score},
    "squared": {
        "mean_squared_error": truth.mean_squared_error,
        "mean_absolute_error": truth.mean_absolute_error,
    },
    "ranges": {
        "log_loss": partial(truth.log_loss, labels=range(3)),
        "accuracy": lambda label, said: truth.accuracy_score(label, said.argmax(axis=1)),
    },
}
LOSSES |= {"absolute": LOSSES["squared"], "texts": LOSSES["ranges"]}


def test_metrics_are_those_of_scikit_learn_with_sane_intervals(
    trained: Trained, compared: dict[str, Any]
) -> None:
    label, outputs = holdout(trained)
    if outputs.ndim > 1:
        # 32-bit floats, which scikit-learn would warn of.
        outputs = outputs / outputs.sum(axis=1, keepdims=True)
    mine = compared["candidate"]
    assert mine["rows"] == len(label) > 500
    for name, metric in LOSSES[trained.case].items():
        assert mine[name]["value"] == pytest.approx(metric(label, outputs), rel=1e-6)
    for metric in tasks.of(trained.contract).metrics:
        found = mine[metric.key]
        assert found["low"] <= found["value"] <= found["high"], metric.key
    objective = mine[tasks.of(trained.contract).objective.key]
    assert objective["low"] > 0.0
    assert objective["high"] < 2 * objective["value"]
    assert mine["relative_loss"]["value"] < 1.02
    if "confusion" in mine:
        assert np.sum(mine["confusion"]) == len(label)
        expected = truth.confusion_matrix(label, outputs.argmax(axis=1), labels=range(3))
        assert mine["confusion"] == expected.tolist()


def test_yardsticks_stand_beside_and_are_no_better_by_much(
    trained: Trained, compared: dict[str, Any]
) -> None:
    simple = compared["yardsticks"]
    assert set(simple) == set(tasks.of(trained.contract).yardsticks())
    objective = tasks.of(trained.contract).objective.key
    for name, one in simple.items():
        loss, difference = one["loss"]["value"], one["difference"]["value"]
        assert compared["candidate"][objective]["value"] - loss == pytest.approx(difference), name
        assert math.isfinite(loss)


def test_a_better_candidate_is_promoted(trained: Trained, compared: dict[str, Any]) -> None:
    answer = decide(trained.contract, compared)  # type: ignore[arg-type]
    objective = tasks.of(trained.contract).objective.key
    assert answer["promote"], answer["reasons"]
    assert answer["reasons"][0].startswith(f"{objective} changes by -")
    assert set(answer["candidate"]) == {m.key for m in tasks.of(trained.contract).metrics} | {
        "rows"
    }


def test_neither_a_constant_nor_itself_is_promoted_over_a_model(
    trained: Trained, tmp_path: Path
) -> None:
    seed = task_worlds.write_seed(trained.case, tmp_path / "seed")
    for candidate in (seed, trained.model):
        found = evaluated(trained, candidate, trained.model)
        answer = decide(trained.contract, found)  # type: ignore[arg-type]
        assert not answer["promote"]
        assert any("must lie below zero" in reason for reason in answer["reasons"])


def test_the_model_package_s_card_is_within_sagemaker_s_limits(
    trained: Trained, compared: dict[str, Any]
) -> None:
    task = tasks.of(trained.contract)
    candidate = Candidate("run-1", "job-1", "s3://a/model.tar.gz", "s3://a/e.json", "1.0.0", {})
    request = package_request("group", "image", candidate, compared, task)
    card = request["CustomerMetadataProperties"]
    assert {metric.key for metric in task.metrics} <= set(card)
    assert f"{task.objective.key}_difference_to_champion" in card
    for key, value in card.items():
        assert len(key) <= 128
        assert len(value) <= 256
        assert (key + value).isascii()


def test_the_log_tells_objective_and_what_the_task_adds(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task_worlds.fitted(trained.algorithm, trained.run, tmp_path / "model")
    said = capsys.readouterr().out
    assert f"validation:{tasks.of(trained.contract).objective.key}=" in said
    assert {"xgboost": "trees=", "linear": "penalty="}[trained.algorithm] in said


# What a server may lack: a linear model needs numpy alone.
LACKING = {
    "linear": ("xgboost", "sklearn", "scipy", "pandas", "flask"),
    "xgboost": ("sklearn", "pandas", "flask"),
}


def test_a_model_serves_without_what_only_training_needs(trained: Trained, tmp_path: Path) -> None:
    found = task_worlds.records(task_worlds.between("holdout"), trained.contract)[:5]
    program = f"""
import sys, json
sys.modules.update(dict.fromkeys({LACKING[trained.algorithm]!r}))
sys.path.insert(0, {str(trained.folder / "code")!r})
import inference
body = json.dumps({{"instances": json.loads(sys.argv[1])}})
model = inference.model_fn({str(trained.folder)!r})
print(inference.transform_fn(model, body, "application/json", "application/json")[0])
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, json.dumps(found)],
        capture_output=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    said = json.loads(done.stdout)["predictions"]
    task = tasks.of(trained.contract)
    assert [task.read(one) for one in said] == trained.model.predict(found)
    assert json.loads((trained.folder / yardsticks.FILE).read_bytes())["version"] == 3
