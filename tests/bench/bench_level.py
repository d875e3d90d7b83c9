"""What the gate's interval is worth where neighbouring days are alike: level of a year, and power.

Differences of two models' losses by day are an autoregression of spread 1. The level is the share
of years in which one of twelve decisions promotes a model that is no better; power is that of one
decision for a model that is better by a multiple of a day's spread.
``python -m tests.bench.bench_level``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from model_code.evaluation import bootstrap, jackknife

DECISIONS = 12
CORRELATIONS = (0.0, 0.2, 0.3, 0.45, 0.6)
OF_ONE = bootstrap.year_confidence(0.95, DECISIONS)


def differences(correlated: float, days: int, generator: np.random.Generator) -> np.ndarray:
    """One hold-out."""
    found = generator.normal(0, 1, days)
    for day in range(1, days):
        found[day] = correlated * found[day - 1] + (1 - correlated**2) ** 0.5 * found[day]
    return found


def promotes(by_day: np.ndarray, *, alike: bool) -> bool:
    """Whether the interval of the mean lies below zero."""
    days = len(by_day)
    without = (by_day.sum() - by_day) / (days - 1)
    found = jackknife.interval(by_day.mean(), without, np.ones(days), OF_ONE, alike=alike)
    return found.high is not None and found.high < 0


def share(correlated: float, days: int, better: float, decisions: int, *, alike: bool) -> float:
    """Of decisions that promote."""
    generator = np.random.default_rng(days)
    found = (differences(correlated, days, generator) - better for _ in range(decisions))
    return float(np.mean([promotes(one, alike=alike) for one in found]))


def table(days: int, gains: Sequence[float], decisions: int) -> None:
    """Print one length of hold-out, without and with correlation of days."""
    for alike in (False, True):
        level = [
            1 - (1 - share(one, days, 0.0, decisions, alike=alike)) ** DECISIONS
            for one in CORRELATIONS
        ]
        power = [
            share(one, days, gain, decisions // 10, alike=alike)
            for one in (0.0, 0.2)
            for gain in gains
        ]
        print(days, "alike" if alike else "independent", *(f"{100 * x:.0f}" for x in level), "|",
              *(f"{100 * x:.0f}" for x in power), flush=True)  # fmt: skip


def main() -> None:
    """Print levels by correlation, then power by gain at correlation 0 and 0.2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=40_000)
    decisions = parser.parse_args().decisions
    for days in (7, 13, 30):
        table(days, (1.0, 1.5, 2.0) if days < 30 else (0.6, 1.0, 1.4), decisions)


if __name__ == "__main__":
    main()
