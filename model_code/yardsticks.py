"""What a candidate is measured against besides the champion: a constant and a small linear model.

A champion can be as poor as the candidate, and the first one is a constant by design; a gate that
asks only for better than that promotes a model that has learnt its own noise. Both yardsticks are
fitted on the same rows as the candidate and travel in its archive as numbers, so that the
evaluation needs nothing but JSON to ask them. What is the best constant, and what a linear model,
the task says.
"""

from __future__ import annotations

from typing import Any

from model_code.algorithms.linear import loading, training
from model_code.evaluation.jackknife import Floats
from model_code.tasks.measures import Measures, repeated
from model_code.tasks.task import output_of

FILE = "yardsticks.json"
# Of squared weights against the sum of losses; scikit-learn's own default.
PENALTY = 1.0


def fit(measures: Measures, matrix: Floats, label: Floats) -> dict[str, Any]:
    """``constant`` and ``linear``, from an encoded matrix (n x features)."""
    return {
        "version": 3,
        "constant": measures.constant(label),
        "linear": training.fit(measures, matrix, label, PENALTY),
    }


def predict(document: dict[str, Any], matrix: Floats) -> dict[str, Floats]:
    """Outputs of each yardstick in the document, by name."""
    found = {"constant": repeated(output_of(document["constant"]), len(matrix))}
    if document["linear"] is not None:
        found["linear"] = loading.outputs(document["linear"], matrix)
    return found
