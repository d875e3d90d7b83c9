"""What a candidate is measured against besides the champion: a constant and a small linear model.

A champion can be as poor as the candidate, and the first one is a constant by design; a gate that
asks only for better than that promotes a model that has learnt its own noise. Both yardsticks are
fitted on the same rows as the candidate and travel in its archive as numbers, so that the
evaluation needs nothing but JSON to ask them. What is the best constant, and what a linear model,
the task says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model_code.evaluation.jackknife import Floats
from model_code.tasks.measures import Measures, repeated

FILE = "yardsticks.json"
# Relative to the mean: below it a spread is how floats round.
ROUNDING = 1e-9


def fit(measures: Measures, matrix: Floats, label: Floats) -> dict[str, Any]:
    """``constant`` and ``linear``, from an encoded matrix (n x features).

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
    document: dict[str, Any] = {"version": 2, "constant": measures.constant(label), "linear": None}
    fitted = measures.linear((filled - centre) / scale, label)
    if fitted is not None:
        weights, intercept = fitted
        document["linear"] = {
            "centre": centre.tolist(),
            "scale": scale.tolist(),
            "weights": np.where(varies[:, None], weights, 0.0).tolist(),
            "intercept": intercept.tolist(),
        }
    return document


def predict(measures: Measures, document: dict[str, Any], matrix: Floats) -> dict[str, Floats]:
    """Outputs of each yardstick in the document, by name."""
    constant = document["constant"]
    output = tuple(constant) if isinstance(constant, list) else constant
    found = {"constant": repeated(output, len(matrix))}
    linear = document["linear"]
    if linear is not None:
        centre = np.asarray(linear["centre"])
        filled = np.where(np.isnan(matrix), centre, matrix)
        score = (filled - centre) / np.asarray(linear["scale"]) @ np.asarray(linear["weights"])
        found["linear"] = measures.link(score + np.asarray(linear["intercept"]))
    return found
