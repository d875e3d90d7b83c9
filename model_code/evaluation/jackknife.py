"""Student's t intervals over days: what an estimate becomes without each of them.

A day that holds many of the rows counts for what it moves (Efron and Stein 1981), and degrees of
freedom follow from how many days of equal size would be as good (Carter, Schnepel and Steigerwald
2017, https://doi.org/10.1162/REST_a_00639).

What decides has neighbouring days counted as alike: weather lasts. The error then is that of fewer
days, those of a first-order autoregression (Zwiers and von Storch 1995,
https://doi.org/10.1175/1520-0442(1995)008<0336:TSCIAI>2.0.CO;2). With an estimated correlation, as
they find, it is too small over less than a month: the estimate is low on average (corrected after
Marriott and Pope 1954, Biometrika 41) and often by chance, so no less is assumed than what the
flights show. By chance it is also near 1, and the interval of no use, so no more than 0.6. Why this
and no other way: ``docs/adr/0043``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Floats = NDArray[np.float64]

# Of neighbouring days, between the losses of two models: what is assumed at least, and at most.
LEAST_CORRELATION = 0.3
MOST_CORRELATION = 0.6
# Where the correction of the bias has nothing left to go by.
UNKNOWABLE_DAYS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval; None where the days cannot tell."""

    value: float
    low: float | None
    high: float | None

    def document(self) -> dict[str, float | None]:
        """As JSON holds it."""
        return {"value": self.value, "low": self.low, "high": self.high}


def interval(
    value: float, without: Floats, rows: Floats, confidence: float, *, alike: bool = False
) -> Interval:
    """Interval of an estimate that is ``without`` (G) when each day is left out.

    One day says nothing of how days differ, nor does a day without which there is no estimate.

    Args:
        value: the estimate on all days.
        without: the estimate on all days but one, in order.
        rows: rows of each day.
        confidence: of both sides together.
        alike: whether neighbouring days are correlated.
    """
    days = len(rows)
    if days == 1 or not np.isfinite(without).all():
        return Interval(value, None, None)
    influence = without - without.mean()
    independent = effective_days(rows, 0.0)
    variance = (days - 1) / days * float((influence**2).sum())
    if alike:
        effective = effective_days(rows, correlation(influence))
        variance *= (independent - 1) / (effective - 1)
    half = float(t.ppf((1 + confidence) / 2, max(independent - 1, 1.0))) * variance**0.5
    return Interval(value, value - half, value + half)


def effective_days(rows: Floats, correlated: float) -> float:
    """How many independent days of equal size have a mean as sure as that of these."""
    share, place = rows / rows.sum(), np.arange(len(rows))
    return float(1 / (share @ correlated ** np.abs(place[:, None] - place) @ share))


def correlation(influence: Floats) -> float:
    """Of neighbouring days, without the bias of few days and within what is assumed."""
    if len(influence) <= UNKNOWABLE_DAYS or not influence.any():
        return LEAST_CORRELATION
    return min(max(estimated_correlation(influence), LEAST_CORRELATION), MOST_CORRELATION)


def estimated_correlation(influence: Floats) -> float:
    """Of neighbouring days; that of few days is too low by (1 + 4 r) / G."""
    days = len(influence)
    found = float((influence[1:] * influence[:-1]).sum() / (influence**2).sum())
    return (days * found + 1) / (days - UNKNOWABLE_DAYS)
