"""A linear model in a model archive: numbers in JSON, asked with numpy alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

MODEL_FILE = "linear.json"
# What the model computes with, beside the feature specification.
FILES = (MODEL_FILE,)


def _logistic(scores: Any) -> Any:
    # Of minus the size, whose exponential is at most 1.
    small = np.exp(-np.abs(scores[:, 0]))
    return np.where(scores[:, 0] < 0, small, 1.0) / (1 + small)


def _softmax(scores: Any) -> Any:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _identity(scores: Any) -> Any:
    return scores[:, 0]


# Of scores (n x k): outputs (n), or (n x k) of several.
LINKS: Mapping[str, Callable[[Any], Any]] = {
    "identity": _identity,
    "logistic": _logistic,
    "softmax": _softmax,
}


def outputs(document: Mapping[str, Any], matrix: Any) -> Any:
    """Outputs for a matrix (n x features, NaN for missing).

    Missing values are the feature's mean. ``document`` holds ``link``, ``centre`` and ``scale``
    (features), ``weights`` (features x k) and ``intercept`` (k).
    """
    centre = np.asarray(document["centre"], dtype=np.float64)
    filled = np.where(np.isnan(matrix), centre, matrix)
    standardised = (filled - centre) / np.asarray(document["scale"])
    scores = np.tile(np.asarray(document["intercept"]), (len(standardised), 1))
    # Feature by feature: a product of matrices would round a row by how many others there are.
    for column, weights in zip(standardised.T, np.asarray(document["weights"]), strict=True):
        scores += column[:, None] * weights
    return LINKS[document["link"]](scores)


class Loaded:
    """A linear model; safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        self._document = json.loads((directory / MODEL_FILE).read_bytes())

    def outputs(self, matrix: Any) -> list[Any]:
        """Number, or list of k numbers, for each row of a matrix (n x features) of doubles."""
        found: list[Any] = outputs(self._document, matrix).tolist()
        return found


load = Loaded
