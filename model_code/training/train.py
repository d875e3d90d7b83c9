"""Script-mode training: gradient-boosted trees on the parts that the features job cut.

The container gives channels and places in ``SM_…`` variables and hyperparameters as arguments.
The same rows, seed and number of threads give the same booster, bit for bit. What is written to
``SM_MODEL_DIR`` becomes ``model.tar.gz``: the model, what it needs to explain itself, and the
serving code that this very training was shipped with.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import log_loss, roc_auc_score

from core import names
from model_code import models, yardsticks
from model_code.serving.modules import ENTRY, MODULES

ROOT = Path(__file__).resolve().parents[2]
LABEL = names.LABEL_COLUMN


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a training job may set; ``trees`` is a ceiling, early stopping decides."""

    trees: int
    max_depth: int
    learning_rate: float
    seed: int
    threads: int
    patience: int


def main(argv: Sequence[str] | None = None) -> None:
    """Train from the container's environment."""
    hyperparameters = _parse(sys.argv[1:] if argv is None else argv)
    run = Path(os.environ["SM_CHANNEL_RUN"])
    spec = json.loads((run / names.FEATURE_SPEC_FILE).read_bytes())
    contract = json.loads((run / names.CONTRACT_FILE).read_bytes())
    features = [feature["name"] for feature in spec["features"]]
    train = load(Path(os.environ["SM_CHANNEL_TRAIN"]), contract)
    validation = load(Path(os.environ["SM_CHANNEL_VALIDATION"]), contract)
    chosen = search(train, validation, features, hyperparameters)
    _report("train", chosen, train, features)
    _report("validation", chosen, validation, features)
    trees = chosen.num_boosted_rounds()
    rows = pd.concat([train, validation])
    booster = fit(rows, features, hyperparameters, trees)
    target = Path(os.environ["SM_MODEL_DIR"])
    save(booster, run, target)
    simple = yardsticks.fit(rows[features].to_numpy(float), rows[LABEL].to_numpy(float))
    (target / yardsticks.FILE).write_text(json.dumps(simple, allow_nan=False) + "\n")


def _parse(argv: Sequence[str]) -> Hyperparameters:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--max_depth", type=int, default=6)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=int, default=20)
    known, _ = parser.parse_known_args(list(argv))
    return Hyperparameters(**vars(known))


def load(folder: Path, contract: dict[str, Any]) -> pd.DataFrame:
    """One part, in the order of event time and id.

    Sums of gradients depend on the order of rows, and Spark promises none. A value that XGBoost
    cannot hold becomes missing, and is counted in the log: it would end the training.
    """
    event, features = contract["event"], [feature["name"] for feature in contract["features"]]
    rows = pd.read_parquet(folder)
    held = models.held(rows[features])
    lost = int((np.isnan(held) & rows[features].notna().to_numpy()).sum())
    if lost:
        sys.stdout.write(f"{folder.name}: {lost} values beyond 32-bit floats count as missing\n")
        rows[features] = held
    return rows.sort_values([event["time_field"], event["id_field"]], ignore_index=True)


def search(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    features: Sequence[str],
    chosen: Hyperparameters,
) -> xgboost.Booster:
    """Trees on train up to the round with the lowest log loss on validation."""
    booster = xgboost.train(
        _parameters(chosen),
        _matrix(train, features, chosen.threads),
        num_boost_round=chosen.trees,
        evals=[(_matrix(validation, features, chosen.threads), "validation")],
        early_stopping_rounds=chosen.patience,
        verbose_eval=50,
    )
    return booster[: booster.best_iteration + 1]


def fit(
    rows: pd.DataFrame, features: Sequence[str], chosen: Hyperparameters, trees: int
) -> xgboost.Booster:
    """The model that serves: as many trees as the search found, on train and validation.

    Validation is the newest part before the hold-out; left out of the final fit, a model of a
    quarter starts two weeks old. Keeping the number of rounds and fitting on all is one of the two
    usual ways (Goodfellow, Bengio and Courville 2016, section 7.8). ``docs/adr/0033`` says when
    this was chosen here.
    """
    matrix = _matrix(rows, features, chosen.threads)
    return xgboost.train(_parameters(chosen), matrix, num_boost_round=trees)


def _parameters(chosen: Hyperparameters) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_depth": chosen.max_depth,
        "eta": chosen.learning_rate,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "min_child_weight": 10,
        "seed": chosen.seed,
        "nthread": chosen.threads,
    }


def _matrix(rows: pd.DataFrame, features: Sequence[str], threads: int) -> xgboost.DMatrix:
    # No column names: serving predicts from plain arrays, whose columns have none.
    return xgboost.DMatrix(rows[list(features)].to_numpy(), label=rows[LABEL], nthread=threads)


def _report(
    part: str, booster: xgboost.Booster, rows: pd.DataFrame, features: Sequence[str]
) -> None:
    """Print what the training job's metric definitions look for."""
    predicted = booster.inplace_predict(rows[list(features)].to_numpy())
    metrics = {
        "rows": len(rows),
        "log_loss": log_loss(rows[LABEL], predicted, labels=[0, 1]),
        "auc": roc_auc_score(rows[LABEL], predicted) if rows[LABEL].nunique() > 1 else float("nan"),
    }
    line = " ".join(f"{part}:{name}={value:.6g}" for name, value in metrics.items())
    sys.stdout.write(f"{line} trees={booster.num_boosted_rounds()}\n")


def save(booster: xgboost.Booster, run: Path, target: Path) -> None:
    """Everything that ``model.tar.gz`` holds."""
    target.mkdir(parents=True, exist_ok=True)
    booster.save_model(target / models.BOOSTER_FILE)
    document = {"kind": models.XGBOOST, "booster": models.BOOSTER_FILE}
    (target / models.MODEL_FILE).write_text(json.dumps(document) + "\n")
    for name in (names.FEATURE_SPEC_FILE, names.BASELINE_FILE, names.CONTRACT_FILE):
        shutil.copyfile(run / name, target / name)
    code = target / "code"
    for name in MODULES:
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, code / name)
    shutil.copyfile(ROOT / ENTRY, code / Path(ENTRY).name)


if __name__ == "__main__":
    main()
