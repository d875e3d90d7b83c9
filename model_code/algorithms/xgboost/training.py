"""Training of trees: the same rows, seed and threads give the same booster, bit for bit."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from model_code.algorithms.xgboost.loading import BOOSTER_FILE
from model_code.evaluation.jackknife import Floats
from model_code.tasks.task import Task

# Objective of a task → XGBoost's, and the metric that stops early.
OBJECTIVES = {
    ("binary", "log_loss"): ("binary:logistic", "logloss"),
    ("multiclass", "log_loss"): ("multi:softprob", "mlogloss"),
    ("regression", "mean_absolute_error"): ("reg:absoluteerror", "mae"),
    ("regression", "mean_squared_error"): ("reg:squarederror", "rmse"),
}


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a training job may set; ``trees`` is a ceiling, early stopping decides."""

    trees: int
    max_depth: int
    learning_rate: float
    seed: int
    threads: int
    patience: int


def add_arguments(parser: ArgumentParser) -> None:
    """The job's hyperparameters."""
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--max_depth", type=int, default=6)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--patience", type=int, default=20)


class Training:
    """Trees for one task."""

    def __init__(self, task: Task, arguments: Mapping[str, Any]) -> None:
        chosen = {name: arguments[name] for name in Hyperparameters.__dataclass_fields__}
        self.chosen = Hyperparameters(**chosen)
        self.task = task

    def search(
        self, train: tuple[Floats, Floats], validation: tuple[Floats, Floats]
    ) -> xgboost.Booster:
        """Trees on train up to the round with the lowest loss on validation.

        Args:
            train: matrix (n x features) and label (n).
            validation: the same of the rows that follow.
        """
        booster = xgboost.train(
            self._parameters(),
            self._matrix(*train),
            num_boost_round=self.chosen.trees,
            evals=[(self._matrix(*validation), "validation")],
            early_stopping_rounds=self.chosen.patience,
            verbose_eval=50,
        )
        return booster[: booster.best_iteration + 1]

    def fit(self, rows: tuple[Floats, Floats], found: xgboost.Booster) -> xgboost.Booster:
        """The model that serves: as many trees as the search found, on train and validation.

        Validation is the newest part before the hold-out; left out of the final fit, a model of a
        quarter starts two weeks old. Keeping the number of rounds and fitting on all is one of the
        two usual ways (Goodfellow, Bengio and Courville 2016, section 7.8). ``docs/adr/0033`` says
        when this was chosen here.
        """
        trees = found.num_boosted_rounds()
        return xgboost.train(self._parameters(), self._matrix(*rows), num_boost_round=trees)

    def outputs(self, booster: xgboost.Booster, matrix: Floats) -> Floats:
        """Outputs of a model for a matrix (n x features)."""
        return np.asarray(booster.inplace_predict(matrix), dtype=np.float64)

    def save(self, booster: xgboost.Booster, target: Path) -> None:
        """What :mod:`model_code.algorithms.xgboost.loading` loads."""
        booster.save_model(target / BOOSTER_FILE)

    def described(self, booster: xgboost.Booster) -> str:
        """What a log tells of a model."""
        return f"trees={booster.num_boosted_rounds()}"

    def _parameters(self) -> dict[str, Any]:
        objective, metric = OBJECTIVES[self.task.NAME, self.task.objective.key]
        classes = {"num_class": self.task.outputs} if self.task.outputs > 1 else {}
        return {
            "objective": objective,
            "eval_metric": metric,
            "tree_method": "hist",
            "max_depth": self.chosen.max_depth,
            "eta": self.chosen.learning_rate,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "min_child_weight": 10,
            "seed": self.chosen.seed,
            "nthread": self.chosen.threads,
            **classes,
        }

    def _matrix(self, matrix: Floats, label: Floats) -> xgboost.DMatrix:
        # No column names: serving predicts from plain arrays, whose columns have none.
        return xgboost.DMatrix(matrix, label=label, nthread=self.chosen.threads)
