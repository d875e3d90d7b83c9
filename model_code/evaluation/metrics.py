"""One model on one set of labelled rows: metrics with intervals, and the calibration curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from model_code.evaluation.bootstrap import (
    Draws,
    Integers,
    draw,
    interval,
    mean,
    relative_loss,
    sampled_mean,
    total,
)
from model_code.evaluation.jackknife import Floats, Interval
from model_code.tasks.measures import Measures
from model_code.tasks.task import CALIBRATION, RELATIVE_LOSS

__all__ = [
    "Draws",
    "Floats",
    "Integers",
    "calibration",
    "draw",
    "evaluate",
    "mean",
]

# Rows that a bin of calibration needs: the noise in a bin of one row cannot be told from its gap.
FEWEST_IN_BIN = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration error over days and over these rows, and the curve that it summarises."""

    error: Interval
    sampling: Interval
    curve: list[dict[str, float]]


def calibration(
    observed: Floats, predicted: Floats, draws: Draws, bins: int, confidence: float
) -> Calibration:
    """Root mean square gap between mean outcome and mean prediction, over bins of equal mass.

    A plain binned error grows as rows get fewer, since noise in a bin counts as miscalibration: two
    samples of different size could not be compared. So the noise is taken out of each squared gap
    (after Kumar, Liang and Ma 2019, https://arxiv.org/abs/1909.10155). A replicate holds that noise
    twice, once from the data and once from drawing. Few rows have fewer bins.
    """
    place = _bins(predicted, min(bins, max(len(observed) // FEWEST_IN_BIN, 1)))
    held = int(place.max()) + 1
    rows = _by_block(np.ones_like(observed), place, held, draws)
    gaps = _by_block(observed - predicted, place, held, draws)
    drawn_rows, drawn_gaps = draws.counts @ rows, draws.counts @ gaps
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(drawn_rows > 0, drawn_gaps / drawn_rows, 0.0)
    in_bin = rows.sum(axis=0)
    gap = gaps.sum(axis=0) / in_bin
    squares = total(place, (observed - predicted - gap[place]) ** 2, held)
    spread = squares / (in_bin * np.maximum(in_bin - 1, 1))
    normal = np.random.default_rng(draws.seed).standard_normal(drawn.shape)
    by_row = _error(gap, gap + normal * np.sqrt(spread), spread, in_bin, confidence)
    # One day does not tell how far days differ.
    by_day = Interval(by_row.value, None, None)
    if draws.blocks > 1:
        noise = drawn.var(axis=0)
        by_day = _error(gap, drawn, noise, in_bin, confidence, blocks=draws.blocks)
    return Calibration(by_day, by_row, _calibration_curve(observed, predicted, place, held))


def _error(
    gap: Floats,
    drawn: Floats,
    noise: Floats,
    rows: Floats,
    confidence: float,
    *,
    blocks: int = 0,
) -> Interval:
    """Root mean square of the gaps by bin, without their noise; replicates in ``drawn``."""
    weight = rows / rows.sum()
    value = np.sqrt(max(float((gap**2 - noise) @ weight), 0.0))
    replicates = np.sqrt(np.maximum((drawn**2 - 2 * noise) @ weight, 0))
    return interval(float(value), replicates, confidence, blocks)


def _bins(predicted: Floats, bins: int) -> Integers:
    """Bin of each row; equal predictions share one, so a constant model has a single bin."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, predicted, "left")
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _by_block(values: Floats, place: Integers, bins: int, draws: Draws) -> Floats:
    """Sums by block and bin (G x bins)."""
    flat = total(draws.block * bins + place, values, draws.blocks * bins)
    return flat.reshape(draws.blocks, bins)


def _calibration_curve(
    outcome: Floats, predicted: Floats, place: Integers, bins: int
) -> list[dict[str, float]]:
    rows = np.bincount(place, minlength=bins)
    said = np.bincount(place, weights=predicted, minlength=bins) / rows
    seen = np.bincount(place, weights=outcome, minlength=bins) / rows
    return [
        {"predicted": float(p), "observed": float(o), "rows": int(n)}
        for p, o, n in zip(said, seen, rows, strict=True)
    ]


def evaluate(
    measures: Measures,
    label: Floats,
    outputs: Floats,
    draws: Draws,
    *,
    bins: int,
    confidence: float,
) -> dict[str, Any]:
    """The document of one model on one set of rows: metrics with intervals, and what to draw."""
    task = measures.task
    loss = measures.losses(label, outputs)
    constant = measures.losses(label, measures.constants(label, len(label)))
    # Without the only day, or the only one with a class, there is no constant, and no interval.
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = measures.constant_without(label, draws)
    relative = relative_loss(loss, constant, left_out, draws, confidence)
    calibrated = calibration(*measures.calibrated(label, outputs), draws, bins, confidence)
    return {
        "rows": len(label),
        "blocks": draws.blocks,
        task.objective.key: mean(loss, draws, confidence).document(),
        RELATIVE_LOSS.key: relative[0].document() if relative else None,
        CALIBRATION.key: calibrated.error.document(),
        "sampling": {
            task.objective.key: sampled_mean(loss, confidence).document(),
            RELATIVE_LOSS.key: relative[1].document() if relative else None,
            CALIBRATION.key: calibrated.sampling.document(),
        },
        "calibration": calibrated.curve,
        **measures.others(label, outputs, draws, confidence),
    }
