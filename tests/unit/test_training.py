"""Training in script mode, and what its archive serves."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from model_code.features import fit as features_fit
from model_code.models import Model
from model_code.tasks.binary.measures import entropy
from model_code.training import train
from tests.support import models
from tests.support.training import fit, xgboost_training

JSON = "application/json"
ARCHIVE = {
    "model.json",
    "booster.ubj",
    "feature_spec.json",
    "baseline.json",
    "contract.json",
    "yardsticks.json",
    "code",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    models.write_run(folder)
    return folder


@pytest.fixture(scope="module")
def trained(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("model")
    fit(run, target, "--trees", "60")
    return target


@pytest.fixture
def hooks(trained: Path) -> ModuleType:
    """The archive's own inference.py."""
    spec = importlib.util.spec_from_file_location("inference", trained / "code" / "inference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", list(sys.path)):
        spec.loader.exec_module(module)
    return module


def test_the_archive_is_complete(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == ARCHIVE
    code = trained / "code"
    assert (code / "core" / "names.py").exists()
    assert not list(code.rglob("train.py")), "training code stays out of the endpoint"


def test_training_is_deterministic(run: Path, trained: Path, tmp_path: Path) -> None:
    shuffled = tmp_path / "shuffled"
    rows = models.write_run(shuffled)["train"]
    mixed = rows.sample(frac=1, random_state=1)
    mixed.to_parquet(shuffled / "train" / "part.parquet", index=False)
    fit(shuffled, tmp_path / "model", "--trees", "60")
    other = tmp_path / "model" / "booster.ubj"
    assert other.read_bytes() == (trained / "booster.ubj").read_bytes()
    fit(run, tmp_path / "seeded", "--trees", "60", "--seed", "1")
    assert (tmp_path / "seeded" / "booster.ubj").read_bytes() != other.read_bytes()


def test_the_model_learns(run: Path, trained: Path) -> None:
    from sklearn.metrics import roc_auc_score

    records = models.events(2000, 77, "2013-05-01")
    probability = Model(trained).predict(records)
    label = models.labels(records, 78)
    best = roc_auc_score(label, [models.truth(record) for record in records])
    assert roc_auc_score(label, probability) > best - 0.03


def test_the_final_model_has_seen_the_validation_part(tmp_path: Path) -> None:
    """Other validation labels give another model, even at a fixed number of trees."""
    found = []
    for name, flipped in (("same", False), ("flipped", True)):
        run = tmp_path / name
        rows = models.write_run(run)["validation"]
        if flipped:
            rows["__label"] = 1 - rows["__label"]
            rows.to_parquet(run / "validation" / "part.parquet", index=False)
        fit(run, tmp_path / f"{name}-model", "--trees", "1")
        found.append(Model(tmp_path / f"{name}-model").fingerprint)
    assert found[0] != found[1]


def test_metrics_are_printed_for_the_job(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(run, tmp_path / "model", "--trees", "5")
    found = re.search(
        r"validation:log_loss=([0-9.]+) validation:auc=([0-9.]+)", capsys.readouterr().out
    )
    assert found is not None
    assert 0.3 < float(found[1]) < 0.7
    assert 0.6 < float(found[2]) < 1


def test_hooks_answer_in_the_order_of_the_request(hooks: ModuleType, trained: Path) -> None:
    records = models.events(20, 5)
    loaded = hooks.model_fn(str(trained))
    body = json.dumps({"instances": records}).encode()
    text, kind = hooks.transform_fn(loaded, body, "application/json; charset=utf-8", "*/*")
    assert kind == "application/json"
    answer = json.loads(text)
    assert [one["record_id"] for one in answer["predictions"]] == [
        record["flight_id"] for record in records
    ]
    probabilities = [one["probability"] for one in answer["predictions"]]
    assert probabilities == Model(trained).predict(records)
    assert len(set(probabilities)) > 10
    assert answer["model"]["kind"] == "xgboost"


@pytest.mark.parametrize(
    ("body", "content_type", "refusal"),
    [
        (b"{", JSON, (400, "not_json")),
        (b"[]", JSON, (400, "missing")),
        (b'{"instances": {}}', JSON, (400, "missing")),
        (b'{"instances": [1]}', JSON, (400, "missing")),
        (b'{"instances": []}', JSON, (400, "out_of_range")),
        (b'{"instances": [' + b"{}," * 500 + b"{}]}", JSON, (400, "too_long")),
        (b"[" * 20_000, JSON, (400, "not_json")),
        (b'{"instances": [{"carrier": "\xe9"}]}', f"{JSON}; charset=UTF-8", (400, "not_json")),
        # What the toolkit makes of such bytes.
        ('{"instances": [{"carrier": "\ufffd"}]}', JSON, (400, "not_json")),
        (b"a,b", "text/csv", (415, "content_type")),
        (b'{"instances": [{}]}', f"{JSON}; charset=latin-1", (415, "content_type")),
    ],
)
def test_bad_requests_are_the_clients_error(
    hooks: ModuleType, trained: Path, body: bytes, content_type: str, refusal: tuple[int, str]
) -> None:
    status, document = hooks.answer(hooks.model_fn(str(trained)), body, content_type)
    assert (status, document["error"]["code"]) == refusal


@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 5000, 50_000])
@pytest.mark.parametrize("field", ["flight_id", "carrier", "temperature_f", "unknown"])
def test_deep_nesting_is_no_error_of_the_server(
    hooks: ModuleType, trained: Path, field: str, depth: int
) -> None:
    body = f'{{"instances": [{{"{field}": {"[" * depth}{"]" * depth}}}]}}'
    model = hooks.model_fn(str(trained))
    status, document = hooks.answer(model, body.encode(), JSON)
    if status == 200:
        assert field in ("flight_id", "unknown")
        hooks.transform_fn(model, body.encode(), JSON, JSON)
    else:
        assert (status, document["error"]["code"] in ("not_json", "wrong_type")) == (400, True)


def test_a_stored_value_beyond_a_float_ends_neither_training_nor_prediction(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    for part, rows in (("train", 3), ("validation", 1)):
        (path,) = (tmp_path / "run" / part).glob("*.parquet")
        table = pd.read_parquet(path)
        table.loc[: rows - 1, "temperature_f"] = [1e39, -1e300, np.inf][:rows]
        table.to_parquet(path, index=False)
    fit(tmp_path / "run", tmp_path / "model", "--trees", "3")
    said = capsys.readouterr().out
    assert "train: 3 values beyond 32-bit floats count as missing" in said
    assert "validation: 1 values beyond" in said
    model, (record,) = Model(tmp_path / "model"), models.events(1, 1)
    odd, missing = (model.predict([{**record, "temperature_f": value}]) for value in (1e39, None))
    assert odd == missing


@pytest.mark.parametrize(
    ("value", "code"),
    [("secret", "wrong_type"), (10**400, "out_of_range"), ([1], "wrong_type"),
     ({"a": 1}, "wrong_type")],
)  # fmt: skip
def test_a_wrong_value_is_refused_without_showing_it(
    hooks: ModuleType, trained: Path, value: Any, code: str
) -> None:
    record: dict[str, Any] = {**models.events(1, 1)[0], "temperature_f": value}
    body = json.dumps({"instances": [record]})
    status, document = hooks.answer(hooks.model_fn(str(trained)), body, "application/json")
    assert (status, document["error"]["code"]) == (400, code)
    assert str(value) not in json.dumps(document)


def test_a_constant_model_serves_without_any_library(trained: Path, tmp_path: Path) -> None:
    seed = models.write_seed(tmp_path / "seed", 0.25)
    program = f"""
import sys, json
sys.modules.update(dict.fromkeys(("xgboost", "numpy", "pandas", "flask")))
sys.path.insert(0, {str(trained / "code")!r})
import inference
model = inference.model_fn({str(seed)!r})
body = '{{"instances": [{{"flight_id": "x"}}]}}'
print(inference.transform_fn(model, body, "application/json", "application/json")[0])
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, check=True, cwd=tmp_path
    )
    answer = json.loads(done.stdout)
    assert answer["predictions"] == [{"record_id": "x", "probability": 0.25}]
    assert answer["model"]["kind"] == "constant"


@pytest.mark.parametrize("probability", [-0.1, 1.1, "0.2", None])
def test_a_constant_must_be_a_probability(tmp_path: Path, probability: Any) -> None:
    models.write_seed(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"kind": "constant", "output": probability}))
    with pytest.raises(ValueError, match="probability"):
        Model(tmp_path)


def test_fingerprints_name_what_a_model_computes(trained: Path, tmp_path: Path) -> None:
    one, same = (models.write_seed(tmp_path / name, 0.25) for name in ("a", "b"))
    other = models.write_seed(tmp_path / "c", 0.3)
    prints = [Model(folder).fingerprint for folder in (one, same, other, trained)]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def table_with_many_values(seed: int) -> dict[str, pd.DataFrame]:
    """Two parts of a table whose category has about a thousand values that say nothing."""
    generator = np.random.default_rng(seed)
    rows = 2600
    signal = generator.normal(0, 1, rows)
    label = (generator.random(rows) < 1 / (1 + np.exp(-(1.6 * signal - 0.4)))).astype(int)
    table = pd.DataFrame(
        {"value": generator.integers(0, 1400, rows).astype(str), "signal": signal, "__label": label}
    )
    return {"train": table[:1851], "validation": table[1851:2150], "holdout": table[2150:]}


def counted(rows: pd.DataFrame) -> dict[str | None, tuple[int, int]]:
    found = rows.groupby("value")["__label"].agg(["size", "sum"])
    return {str(value): (int(n), int(positive)) for value, n, positive in found.itertuples()}


def encoded(parts: dict[str, pd.DataFrame], *, out_of_fold: bool) -> dict[str, pd.DataFrame]:
    """The parts with target means: of the train part for all, or of its other folds for its own."""
    train, found = parts["train"], {}
    means, default = features_fit.target_means(counted(train))
    for name, rows in parts.items():
        found[name] = rows.assign(value=rows["value"].map(means).fillna(default))
    if out_of_fold:
        fold = np.arange(len(train)) % 5
        folds = [train[fold == number] for number in range(5)]
        pairs = features_fit.out_of_fold([counted(rows) for rows in folds])
        found["train"] = pd.concat(
            rows.assign(value=rows["value"].map(mapping).fillna(default))
            for rows, (mapping, default) in zip(folds, pairs, strict=True)
        ).sort_index()
    return found


@pytest.mark.parametrize("seed", range(6))
def test_encodings_out_of_fold_let_trees_learn(seed: int) -> None:
    """In-sample means of rare values are the label itself: trees stop early and lose more."""
    names = ["value", "signal"]
    training = xgboost_training(seed=seed, threads=1)
    parts, lost = table_with_many_values(seed), {}
    for way in (True, False):
        found = encoded(parts, out_of_fold=way)
        parts_known = (train.arrays(found[part], names) for part in ("train", "validation"))
        booster = training.search(*parts_known)
        predicted = training.outputs(booster, found["holdout"][names].to_numpy())
        lost[way] = log_loss(parts["holdout"]["__label"], predicted)
    rate = parts["holdout"]["__label"].mean()
    assert lost[True] < lost[False] - 0.02
    assert lost[True] < 0.85 * float(entropy(np.array(rate)))


def test_a_category_of_one_value_says_nothing() -> None:
    """However the folds' rates differ: else the column would tell trees which fold a row is in."""
    folds = [{"A": (1000, positives)} for positives in (100, 200, 300, 400, 500)]
    for mapping, default in features_fit.out_of_fold(folds):
        assert mapping["A"] == pytest.approx(0.3)
        assert default == pytest.approx(0.3)


def test_rows_of_one_fold_alone_are_as_unknown() -> None:
    found = features_fit.out_of_fold([{}, {"A": (10, 4), None: (10, 2)}, {}])
    assert found[1] == ({}, 0.3)
    assert found[0][0].keys() == found[2][0].keys() == {"A"}
