"""What a candidate is measured against besides the champion: a constant and a small linear model.

A champion can be as poor as the candidate, and the first one is a constant by design; a gate that
asks only for better than that promotes a model that has learnt its own noise. Both yardsticks are
fitted on the same rows as the candidate and travel in its archive as numbers, so that the
evaluation needs nothing but JSON to ask them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

FILE = "yardsticks.json"

# Of the L2 penalty, on standardised features; scikit-learn's own default.
INVERSE_PENALTY = 1.0
STEPS = 1000
# Relative to the mean: below it a spread is how floats round.
ROUNDING = 1e-9


def fit(matrix: NDArray[np.float64], label: NDArray[np.float64]) -> dict[str, Any]:
    """``prior`` (share of positives) and ``logistic``, from an encoded matrix (n x f).

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
    prior = float(label.mean())
    document: dict[str, Any] = {"version": 1, "prior": prior, "logistic": None}
    if 0 < prior < 1:
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=STEPS)
        model.fit((filled - centre) / scale, label)
        document["logistic"] = {
            "centre": centre.tolist(),
            "scale": scale.tolist(),
            "weights": np.where(varies, model.coef_[0], 0.0).tolist(),
            "intercept": float(model.intercept_[0]),
        }
    return document


def predict(document: dict[str, Any], matrix: NDArray[np.float64]) -> dict[str, Any]:
    """Probabilities (n) of each yardstick in the document, by name."""
    found = {"prior": np.full(len(matrix), document["prior"])}
    linear = document["logistic"]
    if linear is not None:
        centre = np.asarray(linear["centre"])
        filled = np.where(np.isnan(matrix), centre, matrix)
        score = (filled - centre) / np.asarray(linear["scale"]) @ np.asarray(linear["weights"])
        found["logistic"] = expit(score + linear["intercept"])
    return found
