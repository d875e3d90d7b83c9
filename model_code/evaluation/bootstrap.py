"""Log loss, ranking and draws of days, each metric with two kinds of interval.

Outcomes of one day are not independent: one storm delays every flight. What a metric says about
*coming* days is as sure as the number of days allows; rows drawn singly would give intervals
several times too narrow and a gate that promotes noise.

A hold-out has a fortnight or so, and percentiles of a bootstrap over G days are then too narrow:
they use the normal's tails and divide by G. Smooth metrics leave each day out instead
(:mod:`model_code.evaluation.jackknife`). Calibration error, which is not smooth at zero, draws
whole days (a block bootstrap) and takes percentiles further out (Hesterberg 2015, "What teachers
should know about the bootstrap", section 5.3, https://doi.org/10.1080/00031305.2015.1089789).

``sampling`` intervals draw rows singly. They are about *these* rows only: were their probabilities
wrong, beyond the chance of single outcomes? The contract's ``block`` says on which of the two the
monitor's criteria rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr
from scipy.stats import norm, t

from model_code.evaluation import jackknife
from model_code.evaluation.jackknife import Floats, Interval

Integers = NDArray[np.int64]

REPLICATES = 2000
# Predictions are kept this far from 0 and 1, so that one certain error has a finite loss.
CLIP = 1e-7
MICROSECONDS_PER_HOUR = 3_600_000_000
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR


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
        return total(self.block, values, self.blocks)


def draw(event_time: Integers, seed: int, replicates: int = REPLICATES) -> Draws:
    """Blocks and replicates for rows with these event times (microseconds since the epoch).

    The same times and seed give the same replicates, so two models on the same rows are compared
    on the same draws.
    """
    # However few: hours of one day share its luck, and to count them as independent would make an
    # interval narrower the fewer days there are. Who decides asks for a least number of days.
    distinct, block = np.unique(event_time // MICROSECONDS_PER_DAY, return_inverse=True)
    blocks = len(distinct)
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    return Draws(block.astype(np.int64), counts.astype(np.float64), seed)


def year_confidence(confidence: float, decisions: int) -> float:
    """Of one decision's two-sided interval, so that ``decisions`` of them keep the year's level.

    With ``confidence`` no decision of a year goes wrong to the one side that matters (Bonferroni).
    """
    return 1 - 2 * (1 - confidence) / decisions


def interval(value: float, replicates: Floats, confidence: float, blocks: int = 0) -> Interval:
    """Percentile interval, which holds its value although replicates may be biased.

    With ``blocks``, percentiles are those further out that a bootstrap over so few needs.
    """
    tail = (1 - confidence) / 2
    if blocks:
        tail = float(norm.cdf(t.ppf(tail, blocks - 1) * (blocks / (blocks - 1)) ** 0.5))
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return Interval(value, min(float(low), value), max(float(high), value))


def losses(label: Floats, probability: Floats) -> Floats:
    """Log loss of each row, in nats."""
    clipped = np.clip(probability, CLIP, 1 - CLIP)
    return np.asarray(-(label * np.log(clipped) + (1 - label) * np.log1p(-clipped)))


def mean(values: Floats, draws: Draws, confidence: float) -> Interval:
    """Mean of one value for each row; the gate decides on it, so neighbouring days are alike."""
    sums, rows = draws.sums(values), draws.sums(np.ones_like(values))
    without = _without(sums) / _without(rows) if draws.blocks > 1 else sums
    return jackknife.interval(float(values.mean()), without, rows, confidence, alike=True)


def _without(sums: Floats) -> Floats:
    """Sum of all blocks but each."""
    return np.asarray(sums.sum() - sums)


def sampled_mean(values: Floats, confidence: float) -> Interval:
    """Mean with the normal interval of rows drawn singly."""
    value = float(values.mean())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(values.std()) / len(values) ** 0.5
    return Interval(value, value - half, value + half)


def relative_loss(
    label: Floats, loss: Floats, draws: Draws, confidence: float
) -> tuple[Interval, Interval] | None:
    """Log loss divided by the entropy of the base rate: by day, and by row.

    What a constant loses that knows these rows' own share of positives is the measure, since a
    month with more positives costs any model more (normalised entropy in He et al. 2014,
    https://doi.org/10.1145/2648584.2648589). 1 is no better than that constant; None if only one
    class is present. The interval by row is the delta method's.
    """
    rate, mean_loss = float(label.mean()), float(loss.mean())
    if not 0 < rate < 1:
        return None
    measure = float(entropy(np.array(rate)))
    rows, losses_by, positives = (draws.sums(x) for x in (np.ones_like(loss), loss, label))
    others = _without(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (_without(losses_by) / others) / entropy(_without(positives) / others)
    value = mean_loss / measure
    slope = value / measure * float(np.log((1 - rate) / rate))
    influence = (loss - mean_loss) / measure - slope * (label - rate)
    by_row = sampled_mean(value + influence - influence.mean(), confidence)
    return jackknife.interval(value, without, rows, confidence), by_row


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
        without = ranked / (_without(positives) * _without(negatives))
    value = float(pairs.sum() / (positives.sum() * negatives.sum()))
    found = jackknife.interval(value, without, positives + negatives, confidence)
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


def total(cell: Integers, values: Floats, cells: int) -> Floats:
    """Sum of ``values`` by cell."""
    return np.bincount(cell, weights=values, minlength=cells).astype(np.float64)
