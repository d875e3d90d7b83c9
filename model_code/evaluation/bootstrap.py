"""Draws of days, and means and ratios of row losses, each with two kinds of interval.

Outcomes of one day are not independent: one storm delays every flight. What a metric says about
*coming* days is as sure as the number of days allows; rows drawn singly would give intervals
several times too narrow and a gate that promotes noise.

A hold-out has a fortnight or so, and percentiles of a bootstrap over G days are then too narrow:
they use the normal's tails and divide by G. Smooth metrics leave each day out instead
(:mod:`model_code.evaluation.jackknife`). Calibration error, which is not smooth at zero, draws
whole days (a block bootstrap) and takes percentiles further out (Hesterberg 2015, "What teachers
should know about the bootstrap", section 5.3, https://doi.org/10.1080/00031305.2015.1089789).

``sampling`` intervals draw rows singly. They are about *these* rows only: were their predictions
wrong, beyond the chance of single outcomes? The contract's ``block`` says on which of the two the
monitor's criteria rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from model_code.evaluation import jackknife
from model_code.evaluation.jackknife import Floats, Interval

Integers = NDArray[np.int64]

REPLICATES = 2000
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


def mean(values: Floats, draws: Draws, confidence: float) -> Interval:
    """Mean of one value for each row; the gate decides on it, so neighbouring days are alike."""
    sums, rows = draws.sums(values), draws.sums(np.ones_like(values))
    left_out = without(sums) / without(rows) if draws.blocks > 1 else sums
    return jackknife.interval(float(values.mean()), left_out, rows, confidence, alike=True)


def without(sums: Floats) -> Floats:
    """Sum (G) of all blocks but each."""
    return np.asarray(sums.sum() - sums)


def sampled_mean(values: Floats, confidence: float) -> Interval:
    """Mean with the normal interval of rows drawn singly."""
    value = float(values.mean())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(values.std()) / len(values) ** 0.5
    return Interval(value, value - half, value + half)


def relative_loss(
    loss: Floats,
    constant: Floats,
    constant_without: Floats,
    draws: Draws,
    confidence: float,
) -> tuple[Interval, Interval] | None:
    """Mean loss divided by that of the best constant on the same rows: by day, and by row.

    What a constant loses that knows these rows' own labels is the measure, since a month with more
    positives, or wider numbers, costs any model more (normalised entropy in He et al. 2014,
    https://doi.org/10.1145/2648584.2648589). 1 is no better than that constant; None if it loses
    nothing, for all labels are the same. The interval by row is the delta method's: the best
    constant moves with the rows, which at its best changes nothing.

    Args:
        loss: of each row (n).
        constant: the best constant's loss of each row (n).
        constant_without: mean loss (G) of the best constant of all rows but those of each day.
        draws: the rows' days.
        confidence: of both sides together.
    """
    measure, mean_loss = float(constant.mean()), float(loss.mean())
    if not measure > 0:
        return None
    rows, by_day = draws.sums(np.ones_like(loss)), draws.sums(loss)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = (without(by_day) / without(rows)) / constant_without
    value = mean_loss / measure
    influence = (loss - value * constant) / measure
    by_row = sampled_mean(value + influence - influence.mean(), confidence)
    return jackknife.interval(value, left_out, rows, confidence), by_row


def total(cell: Integers, values: Floats, cells: int) -> Floats:
    """Sum of ``values`` by cell."""
    return np.bincount(cell, weights=values, minlength=cells).astype(np.float64)
