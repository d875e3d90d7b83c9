"""Training of linear models: what is fitted is the task's, what is tried is how strictly."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_code import tasks
from model_code.algorithms.linear import loading
from model_code.evaluation.jackknife import Floats
from model_code.tasks.measures import Measures
from model_code.tasks.task import Task

Document = dict[str, Any]
# Relative to the mean: below it a spread is how floats round.
ROUNDING = 1e-9
STEP = 10.0


def add_arguments(parser: ArgumentParser) -> None:
    """The job's hyperparameters."""
    parser.add_argument("--penalty", type=float, default=1.0)
    parser.add_argument("--penalties", type=int, default=4)


class Training:
    """A linear model for one task."""

    def __init__(self, task: Task, arguments: Mapping[str, Any]) -> None:
        self.measures = tasks.measures_of(task.contract)
        weakest, tries = float(arguments["penalty"]), int(arguments["penalties"])
        self.penalties = [weakest * STEP**power for power in range(tries)]

    def search(self, train: tuple[Floats, Floats], validation: tuple[Floats, Floats]) -> Document:
        """The model on train whose penalty loses least on validation; of equals the weakest.

        Args:
            train: matrix (n x features) and label (n).
            validation: the same of the rows that follow.
        """
        matrix, label = validation
        found = [self._fit(train, penalty) for penalty in self.penalties]
        losses = [self.measures.losses(label, self.outputs(one, matrix)).mean() for one in found]
        return found[int(np.argmin(losses))]

    def fit(self, rows: tuple[Floats, Floats], found: Document) -> Document:
        """The model that serves: with the penalty that was found, on train and validation."""
        return self._fit(rows, found["penalty"])

    def outputs(self, model: Document, matrix: Floats) -> Floats:
        """Outputs of a model for a matrix (n x features)."""
        return np.asarray(loading.outputs(model, matrix))

    def save(self, model: Document, target: Path) -> None:
        """What :mod:`model_code.algorithms.linear.loading` loads."""
        text = json.dumps(model, allow_nan=False) + "\n"
        (target / loading.MODEL_FILE).write_text(text)

    def described(self, model: Document) -> str:
        """What a log tells of a model."""
        return f"penalty={model['penalty']:g}"

    def _fit(self, rows: tuple[Floats, Floats], penalty: float) -> Document:
        fitted = fit(self.measures, *rows, penalty)
        if fitted is None:
            raise ValueError("all labels are of one class: there is nothing to learn")
        return {"penalty": penalty, **fitted}


def fit(measures: Measures, matrix: Floats, label: Floats, penalty: float) -> Document | None:
    """A linear model of the task, as :func:`loading.outputs` reads it; None if there is none.

    Missing values become the feature's mean; a feature without spread or value weighs nothing.
    """
    present = ~np.isnan(matrix)
    rows = np.maximum(present.sum(axis=0), 1)
    centre = np.where(present, matrix, 0.0).sum(axis=0) / rows
    filled = np.where(present, matrix, centre)
    spread = filled.std(axis=0)
    varies = spread > ROUNDING * np.maximum(np.abs(centre), 1.0)
    # The mean of equal numbers differs from them by rounding: that is no spread.
    scale = np.where(varies, spread, 1.0)
    filled = np.where(varies, filled, centre)
    fitted = measures.linear((filled - centre) / scale, label, penalty)
    if fitted is None:
        return None
    weights, intercept = fitted
    return {
        "link": measures.LINK,
        "centre": centre.tolist(),
        "scale": scale.tolist(),
        "weights": np.where(varies[:, None], weights, 0.0).tolist(),
        "intercept": intercept.tolist(),
    }
