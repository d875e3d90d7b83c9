"""Log loss, ranking and calibration of probabilities, each with two kinds of interval.

Outcomes of one day are not independent: one storm delays every flight. What a metric says about
*coming* days is as sure as the number of days allows, so by default whole days are drawn (a block
bootstrap); rows drawn singly would give intervals several times too narrow and a gate that
promotes noise. Every metric is a function of sums by day, which makes thousands of replicates a
small matrix product.

``sampling`` intervals answer the monitor's question, which is about *these* rows: were their
probabilities wrong, beyond the chance of single outcomes? An alarm may be the more sensitive of
the two, because whatever it starts still has to pass the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

REPLICATES = 2000
# Predictions are kept this far from 0 and 1, so that one certain error has a finite loss.
CLIP = 1e-7
# Below this many days, hours are drawn instead: with a handful of blocks an interval says nothing.
FEWEST_DAYS = 5
CURVE_POINTS = 100
MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float

    def document(self) -> dict[str, float]:
        """As JSON holds it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Draws:
    """Which block each row belongs to (n), and how often a replicate draws each block (B x G)."""

    block: Integers
    counts: Floats
    seed: int

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self.counts.shape[1])

    def sums(self, values: Floats) -> Floats:
        """Sum of ``values`` (n) by block (G)."""
        return _total(self.block, values, self.blocks)


def draw(event_time: Integers, seed: int, replicates: int = REPLICATES) -> Draws:
    """Blocks and replicates for rows with these event times (microseconds since the epoch).

    The same times and seed give the same replicates, so two models on the same rows are compared
    on the same draws.
    """
    hours = event_time // MICROSECONDS_PER_HOUR
    days = hours // 24
    distinct, block = np.unique(days, return_inverse=True)
    if len(distinct) < FEWEST_DAYS:
        distinct, block = np.unique(hours, return_inverse=True)
    blocks = len(distinct)
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    return Draws(block.astype(np.int64), counts.astype(np.float64), seed)


def interval(value: float, replicates: Floats, confidence: float) -> Interval:
    """Percentile interval; replicates in which the metric is undefined are left out."""
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0:
        return Interval(value, value, value)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def losses(label: Floats, probability: Floats) -> Floats:
    """Log loss of each row, in nats."""
    clipped = np.clip(probability, CLIP, 1 - CLIP)
    return np.asarray(-(label * np.log(clipped) + (1 - label) * np.log1p(-clipped)))


def mean(values: Floats, draws: Draws, confidence: float) -> Interval:
    """Mean of one value for each row."""
    sums, rows = draws.sums(values), draws.sums(np.ones_like(values))
    replicates = (draws.counts @ sums) / (draws.counts @ rows)
    return interval(float(values.mean()), replicates, confidence)


def sampled_mean(values: Floats, confidence: float) -> Interval:
    """Mean with the normal interval of rows drawn singly."""
    value = float(values.mean())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(values.std()) / len(values) ** 0.5
    return Interval(value, value - half, value + half)


def area_under_curve(
    label: Floats, probability: Floats, draws: Draws, confidence: float
) -> Interval | None:
    """Area under the ROC curve; None if only one class is present.

    ``pairs[g, h]`` counts pairs of a positive in block g and a negative in block h that are ranked
    rightly (half for a tie); an area is a quadratic form in how often each block was drawn.
    """
    positive = label == 1
    if positive.all() or not positive.any():
        return None
    pairs = _ranked_pairs(probability, positive, draws)
    positives, negatives = draws.sums(label), draws.sums(1 - label)
    numerator = np.einsum("bg,gh,bh->b", draws.counts, pairs, draws.counts, optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = numerator / ((draws.counts @ positives) * (draws.counts @ negatives))
    value = float(pairs.sum() / (positives.sum() * negatives.sum()))
    return interval(value, replicates, confidence)


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
    twice, once from the data and once from drawing.
    """
    place = _bins(probability, bins)
    held = int(place.max()) + 1
    rows = _by_block(np.ones_like(label), place, held, draws)
    gaps = _by_block(label - probability, place, held, draws)
    drawn_rows, drawn_gaps = draws.counts @ rows, draws.counts @ gaps
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(drawn_rows > 0, drawn_gaps / drawn_rows, 0.0)
    total = rows.sum(axis=0)
    observed = gaps.sum(axis=0) / total
    spread = _total(place, (label - probability - observed[place]) ** 2, held) / total**2
    normal = np.random.default_rng(draws.seed).standard_normal(drawn.shape)
    return Calibration(
        _error(observed, drawn, drawn.var(axis=0), total, confidence),
        _error(observed, observed + normal * np.sqrt(spread), spread, total, confidence),
        _calibration_curve(label, probability, place, held),
    )


def _error(
    observed: Floats, drawn: Floats, noise: Floats, rows: Floats, confidence: float
) -> Interval:
    """Root mean square of the gaps by bin, without their noise; replicates in ``drawn``."""
    weight = rows / rows.sum()
    value = np.sqrt(max(float((observed**2 - noise) @ weight), 0.0))
    replicates = np.sqrt(np.maximum((drawn**2 - 2 * noise) @ weight, 0))
    return interval(float(value), replicates, confidence)


def _bins(probability: Floats, bins: int) -> Integers:
    """Bin of each row; equal predictions share one, so a constant model has a single bin."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability, "left")
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _by_block(values: Floats, place: Integers, bins: int, draws: Draws) -> Floats:
    """Sums by block and bin (G x bins)."""
    flat = _total(draws.block * bins + place, values, draws.blocks * bins)
    return flat.reshape(draws.blocks, bins)


def _total(cell: Integers, values: Floats, cells: int) -> Floats:
    """Sum of ``values`` by cell."""
    return np.bincount(cell, weights=values, minlength=cells).astype(np.float64)


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
    return {
        "rows": len(label),
        "positives": int(label.sum()),
        "blocks": draws.blocks,
        "log_loss": mean(loss, draws, confidence).document(),
        "auc": area.document() if area else None,
        "calibration_error": calibrated.error.document(),
        "sampling": {
            "log_loss": sampled_mean(loss, confidence).document(),
            "calibration_error": calibrated.sampling.document(),
        },
        "roc": roc(label, probability) if area else [],
        "calibration": calibrated.curve,
    }
