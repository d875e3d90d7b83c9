"""One model on one set of labelled rows: metrics with intervals, calibration and ROC curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from model_code.evaluation.bootstrap import (
    Draws,
    Integers,
    area_under_curve,
    draw,
    interval,
    losses,
    mean,
    relative_loss,
    sampled_mean,
    total,
)
from model_code.evaluation.jackknife import Floats, Interval

__all__ = [
    "Draws",
    "Floats",
    "Integers",
    "calibration",
    "draw",
    "evaluate",
    "losses",
    "mean",
    "roc",
]

CURVE_POINTS = 100
# Rows that a bin of calibration needs: the noise in a bin of one row cannot be told from its gap.
FEWEST_IN_BIN = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration error over days and over these rows, and the curve that it summarises."""

    error: Interval
    sampling: Interval
    curve: list[dict[str, float]]


def calibration(
    label: Floats, probability: Floats, draws: Draws, bins: int, confidence: float
) -> Calibration:
    """Root mean square gap between observed rate and mean prediction, over bins of equal mass.

    A plain binned error grows as rows get fewer, since noise in a bin counts as miscalibration: two
    samples of different size could not be compared. So the noise is taken out of each squared gap
    (after Kumar, Liang and Ma 2019, https://arxiv.org/abs/1909.10155). A replicate holds that noise
    twice, once from the data and once from drawing. Few rows have fewer bins.
    """
    place = _bins(probability, min(bins, max(len(label) // FEWEST_IN_BIN, 1)))
    held = int(place.max()) + 1
    rows = _by_block(np.ones_like(label), place, held, draws)
    gaps = _by_block(label - probability, place, held, draws)
    drawn_rows, drawn_gaps = draws.counts @ rows, draws.counts @ gaps
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(drawn_rows > 0, drawn_gaps / drawn_rows, 0.0)
    in_bin = rows.sum(axis=0)
    observed = gaps.sum(axis=0) / in_bin
    squares = total(place, (label - probability - observed[place]) ** 2, held)
    spread = squares / (in_bin * np.maximum(in_bin - 1, 1))
    normal = np.random.default_rng(draws.seed).standard_normal(drawn.shape)
    by_row = _error(observed, observed + normal * np.sqrt(spread), spread, in_bin, confidence)
    # One day does not tell how far days differ.
    by_day = Interval(by_row.value, None, None)
    if draws.blocks > 1:
        noise = drawn.var(axis=0)
        by_day = _error(observed, drawn, noise, in_bin, confidence, blocks=draws.blocks)
    return Calibration(by_day, by_row, _calibration_curve(label, probability, place, held))


def _error(
    observed: Floats,
    drawn: Floats,
    noise: Floats,
    rows: Floats,
    confidence: float,
    *,
    blocks: int = 0,
) -> Interval:
    """Root mean square of the gaps by bin, without their noise; replicates in ``drawn``."""
    weight = rows / rows.sum()
    value = np.sqrt(max(float((observed**2 - noise) @ weight), 0.0))
    replicates = np.sqrt(np.maximum((drawn**2 - 2 * noise) @ weight, 0))
    return interval(float(value), replicates, confidence, blocks)


def _bins(probability: Floats, bins: int) -> Integers:
    """Bin of each row; equal predictions share one, so a constant model has a single bin."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability, "left")
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _by_block(values: Floats, place: Integers, bins: int, draws: Draws) -> Floats:
    """Sums by block and bin (G x bins)."""
    flat = total(draws.block * bins + place, values, draws.blocks * bins)
    return flat.reshape(draws.blocks, bins)


def _calibration_curve(
    label: Floats, probability: Floats, place: Integers, bins: int
) -> list[dict[str, float]]:
    rows = np.bincount(place, minlength=bins)
    predicted = np.bincount(place, weights=probability, minlength=bins) / rows
    observed = np.bincount(place, weights=label, minlength=bins) / rows
    return [
        {"predicted": float(p), "observed": float(o), "rows": int(n)}
        for p, o, n in zip(predicted, observed, rows, strict=True)
    ]


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


def evaluate(
    label: Floats, probability: Floats, draws: Draws, *, bins: int, confidence: float
) -> dict[str, Any]:
    """The document of one model on one set of rows: metrics with intervals, and both curves."""
    area = area_under_curve(label, probability, draws, confidence)
    calibrated = calibration(label, probability, draws, bins, confidence)
    loss = losses(label, probability)
    relative = relative_loss(label, loss, draws, confidence)
    return {
        "rows": len(label),
        "positives": int(label.sum()),
        "blocks": draws.blocks,
        "log_loss": mean(loss, draws, confidence).document(),
        "relative_log_loss": relative[0].document() if relative else None,
        "auc": area.document() if area else None,
        "calibration_error": calibrated.error.document(),
        "sampling": {
            "log_loss": sampled_mean(loss, confidence).document(),
            "relative_log_loss": relative[1].document() if relative else None,
            "calibration_error": calibrated.sampling.document(),
        },
        "roc": roc(label, probability) if area else [],
        "calibration": calibrated.curve,
    }
