"""How good probabilities of a positive label are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve

from model_code.evaluation import jackknife
from model_code.evaluation.bootstrap import Draws, without
from model_code.evaluation.jackknife import Floats, Interval
from model_code.tasks.measures import STEPS, Measures
from model_code.tasks.task import Output

# Predictions are kept this far from 0 and 1, so that one certain error has a finite loss.
CLIP = 1e-7
CURVE_POINTS = 100


class BinaryMeasures(Measures):
    """Log loss in nats, area under the ROC curve."""

    LINK = "logistic"

    @property
    def places(self) -> int:
        """Negative and positive."""
        return 2

    def losses(self, label: Floats, outputs: Floats) -> Floats:
        """Log loss of each row, in nats."""
        clipped = np.clip(outputs, CLIP, 1 - CLIP)
        return np.asarray(-(label * np.log(clipped) + (1 - label) * np.log1p(-clipped)))

    def constant(self, label: Floats) -> Output:
        """Share of positives."""
        return float(label.mean())

    def constant_without(self, label: Floats, draws: Draws) -> Floats:
        """Entropy of the base rate without each day."""
        rows, positives = draws.sums(np.ones_like(label)), draws.sums(label)
        return entropy(without(positives) / without(rows))

    def calibrated(self, label: Floats, outputs: Floats) -> tuple[Floats, Floats]:
        """Labels and probabilities."""
        return label, outputs

    def others(
        self, label: Floats, outputs: Floats, draws: Draws, confidence: float
    ) -> dict[str, Any]:
        """``auc``, null if only one class is present, and the points of the ``roc`` curve."""
        area = area_under_curve(label, outputs, draws, confidence)
        return {
            "auc": area.document() if area else None,
            "roc": roc(label, outputs) if area else [],
        }

    def told(self, label: Floats, outputs: Floats) -> dict[str, float]:
        """Area under the ROC curve, NaN with one class."""
        both = 0 < label.mean() < 1
        return {"auc": float(roc_auc_score(label, outputs)) if both else float("nan")}

    def linear(self, matrix: Floats, label: Floats, penalty: float) -> tuple[Floats, Floats] | None:
        """Logistic regression; none with one class."""
        if not 0 < label.mean() < 1:
            return None
        model = LogisticRegression(C=1 / penalty, max_iter=STEPS).fit(matrix, label)
        return model.coef_.T, model.intercept_


def entropy(rate: Floats) -> Floats:
    """Log loss of a constant that equals the base rate, in nats."""
    return np.asarray(entr(rate) + entr(1 - rate))


def area_under_curve(
    label: Floats, probability: Floats, draws: Draws, confidence: float
) -> Interval | None:
    """Area under the ROC curve; None if only one class is present.

    ``pairs[g, h]`` counts pairs of a positive in block g and a negative in block h that are ranked
    rightly (half for a tie); without a block its row and its column are missing.
    """
    positive = label == 1
    if positive.all() or not positive.any():
        return None
    pairs = _ranked_pairs(probability, positive, draws)
    positives, negatives = draws.sums(label), draws.sums(1 - label)
    ranked = pairs.sum() - pairs.sum(axis=0) - pairs.sum(axis=1) + pairs.diagonal()
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = ranked / (without(positives) * without(negatives))
    value = float(pairs.sum() / (positives.sum() * negatives.sum()))
    found = jackknife.interval(value, left_out, positives + negatives, confidence)
    if found.low is None or found.high is None:
        return found
    return Interval(value, max(found.low, 0.0), min(found.high, 1.0))


def _ranked_pairs(probability: Floats, positive: NDArray[np.bool_], draws: Draws) -> Floats:
    pairs = np.zeros((draws.blocks, draws.blocks))
    scores, owner = probability[positive], draws.block[positive]
    for block in range(draws.blocks):
        negatives = np.sort(probability[~positive & (draws.block == block)])
        below = np.searchsorted(negatives, scores, "left")
        up_to = np.searchsorted(negatives, scores, "right")
        won = (below + up_to) / 2
        pairs[:, block] = np.bincount(owner, weights=won, minlength=draws.blocks)
    return pairs


def roc(label: Floats, probability: Floats) -> list[dict[str, float]]:
    """Points of the ROC curve from (0, 0) to (1, 1), at most about a hundred."""
    false_positive, true_positive, _ = roc_curve(label, probability)
    if len(false_positive) > CURVE_POINTS:
        keep = np.unique(np.linspace(0, len(false_positive) - 1, CURVE_POINTS).round().astype(int))
        false_positive, true_positive = false_positive[keep], true_positive[keep]
    return [
        {"false_positive_rate": float(x), "true_positive_rate": float(y)}
        for x, y in zip(false_positive, true_positive, strict=True)
    ]


MEASURES = BinaryMeasures
