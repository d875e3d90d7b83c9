"""Population stability index of each feature: captured inputs against the training window.

The index is the symmetric relative entropy of two histograms over the baseline's bins, with missing
values as a bin of their own; ``scipy.special.rel_entr`` gives its two halves.

Two samples of one process differ too, for two reasons. Rows are few: over B bins, n and m rows, the
index is about (1/n + 1/m) times a chi-square variable with B - 1 degrees of freedom (Yurdakul and
Naranjo 2020, "Statistical properties of the population stability index", Journal of Risk Model
Validation 14(4)); its mean, (B - 1)(1/n + 1/m), is subtracted. And days are few: all rows of a day
share its weather, so a week differs from a quarter however many rows both have. How far is seen by
letting as many neighbouring days of baseline and window in every other position play the window
(all rotations of their sequence; permutation tests: Good 2005, chapter 3). A window has drifted if
its index is high *and* few rotations reach it. Keeping neighbours together keeps what lasts longer
than a day. Nothing is drawn but rows, and those only where one side has more of them a day.

The window lies at an end of the sequence, and what wanders for weeks is farther from the rest there
than in the middle: where days are correlated by 0.8 or more and history is short, a single cause
rings more often than ``confidence`` says (``docs/adr/0043`` has the figures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from model_code.evaluation.metrics import Floats

Counts = NDArray[np.int64]
Records = Sequence[Mapping[str, Any]]

YEAR_DAYS = 365.25
# How far from the same day of an earlier year still counts as the season, and how many such days
# are needed to say so.
NEAR_DAYS = 15
FEWEST_DAYS = 7

BASELINE_VERSION = 2
# Added to every bin, so that an empty one has a finite weight.
PSEUDO_COUNT = 0.5
THINNING_SEED = 2013
ROUNDING = 1e-9
# Share of the limit below which all indices count as equally small.
FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class Rule:
    """Which indices count: above ``psi``, and reached by at most ``1 - confidence`` of rotations.

    ``causes`` is how many causes at once make the window one to ring for.
    """

    psi: float
    confidence: float
    causes: int

    def is_rare(self, chance: float) -> bool:
        """Whether so few rotations are too few for chance; 1 - 0.9 is a little below 0.1."""
        return chance <= 1 - self.confidence + ROUNDING


@dataclass(frozen=True, slots=True)
class Drift:
    """``features``: what the report holds of each; ``causes``: those with a drifted feature.

    ``chance`` is the share of rotations with as much drift of as many causes.
    """

    features: dict[str, dict[str, Any]]
    causes: list[str]
    chance: float
    days: int


@dataclass(frozen=True, slots=True)
class Histograms:
    """Rows of some days (in order) in each bin of each feature, nulls last (days x bins)."""

    days: list[date]
    features: dict[str, Counts]

    @property
    def middle(self) -> date:
        """The day in the middle."""
        return self.days[len(self.days) // 2]


def examine(
    baseline: Mapping[str, Any],
    by_day: Mapping[str, Records],
    causes: Mapping[str, str],
    rule: Rule,
) -> Drift:
    """Compare a window's records with a baseline.

    Args:
        baseline: ``baseline.json`` of the model, version 2.
        by_day: the window's records by ISO date; no day is empty.
        causes: feature to cause; a feature that is not named is its own.
        rule: when a difference counts.
    """
    order, described = sorted(by_day), baseline["features"]
    reference = Histograms(
        [date.fromisoformat(day) for day in baseline["days"]],
        {name: np.asarray(one["by_day"], dtype=np.int64) for name, one in described.items()},
    )
    window = Histograms(
        [date.fromisoformat(day) for day in order],
        {
            name: np.array([histogram(one, name, by_day[day]) for day in order])
            for name, one in described.items()
        },
    )
    return compare(reference, window, causes, rule)


def compare(
    reference: Histograms, window: Histograms, causes: Mapping[str, str], rule: Rule
) -> Drift:
    """What :func:`examine` finds, from histograms."""
    found: dict[str, dict[str, Any]] = {}
    standing: dict[str, Floats] = {}
    for name, expected in reference.features.items():
        counts = window.features[name]
        turned = standing[name] = rotations(expected, counts)
        index, chance = _index(expected, counts), float((turned >= turned[0]).mean())
        drifted = index["psi"] > rule.psi and rule.is_rare(chance)
        found[name] = {
            **index,
            "chance": chance,
            "cause": causes.get(name, name),
            "drifted": drifted,
            "change": _change(reference, window, name, rule.psi) if drifted else None,
        }
    moved = sorted({one["cause"] for one in found.values() if one["drifted"]})
    days = len(reference.days) + len(window.days)
    return Drift(found, moved, _chance(standing, causes, rule), days)


def histogram(expected: Mapping[str, Any], name: str, records: Records) -> list[int]:
    """Rows of the records in each of the baseline's bins, nulls last."""
    values = [record.get(name) for record in records]
    present = [value for value in values if value is not None]
    size = len(expected["counts"])
    if expected["kind"] == "number":
        edges = np.asarray(expected["edges"], dtype=np.float64)
        place = np.searchsorted(edges, np.asarray(present, dtype=np.float64), "left")
    else:
        known = {value: index for index, value in enumerate(expected["values"])}
        place = np.array([known.get(value, size - 1) for value in present], dtype=np.int64)
    return [*np.bincount(place, minlength=size).tolist(), len(values) - len(present)]


def rotations(reference: Counts, window: Counts) -> Floats:
    """The index, less chance by rows, of each rotation; the first is the window itself.

    Args:
        reference: histograms of the baseline's days (N x B).
        window: histograms of the window's days (d x B).

    Returns:
        N + d indices: rotation k takes for its window the d days from the k-th on, counted from
        the window's first day and going round.
    """
    days = np.concatenate(_equally_many(window, reference))
    length, total = len(window), len(days)
    sums = np.concatenate([np.zeros((1, days.shape[1]), int), np.cumsum([*days, *days], axis=0)])
    start = np.arange(total)
    inside = sums[start + length] - sums[start]
    outside = days.sum(axis=0) - inside
    return stability_index(outside, inside) - expected_by_chance(outside, inside)


def _equally_many(window: Counts, reference: Counts) -> tuple[Counts, Counts]:
    """No day with more rows than a usual one of either side.

    Histograms of few rows differ more among themselves, and a day with many times the others' rows
    would make its own weather that of the whole window.
    """
    most = min(float(np.median(days.sum(axis=1))) for days in (window, reference))
    return _thinned(window, most), _thinned(reference, most)


def _thinned(days: Counts, most: float) -> Counts:
    """Rows drawn without replacement from each day that has more than ``most``."""
    generator = np.random.default_rng(THINNING_SEED)
    limit = max(round(most), 1)
    return np.array(
        [
            day if day.sum() <= limit else generator.multivariate_hypergeometric(day, limit)
            for day in days
        ]
    )


def stability_index(expected: Any, found: Any) -> Floats:
    """PSI of histograms over the same bins, along the last axis."""
    one, other = _shares(expected), _shares(found)
    return np.asarray((rel_entr(one, other) + rel_entr(other, one)).sum(axis=-1))


def expected_by_chance(expected: Any, found: Any) -> Floats:
    """Mean of the index if both were rows of one distribution; 0 if one of them has none."""
    one, other = np.asarray(expected, dtype=np.float64), np.asarray(found, dtype=np.float64)
    occupied = (one + other > 0).sum(axis=-1)
    with np.errstate(divide="ignore"):
        scale = 1 / one.sum(axis=-1) + 1 / other.sum(axis=-1)
    return np.where(np.isfinite(scale), (occupied - 1) * scale, 0.0)


def _shares(counts: Any) -> Floats:
    smoothed = np.asarray(counts, dtype=np.float64) + PSEUDO_COUNT
    return np.asarray(smoothed / smoothed.sum(axis=-1, keepdims=True))


def _index(reference: Counts, window: Counts) -> dict[str, float]:
    """The index on all rows, as found and less chance by rows, and both shares of nulls."""
    expected, found = reference.sum(axis=0), window.sum(axis=0)
    index = float(stability_index(expected, found))
    return {
        "psi": max(index - float(expected_by_chance(expected, found)), 0.0),
        "psi_as_found": index,
        "nulls": float(found[-1] / max(found.sum(), 1)),
        "baseline_nulls": float(expected[-1] / max(expected.sum(), 1)),
    }


def _chance(standing: Mapping[str, Floats], causes: Mapping[str, str], rule: Rule) -> float:
    """Share of rotations whose ``rule.causes``-th strongest cause is as strong as the window's.

    Indices are measured by their feature's usual one, so that weather, which always moves, does
    not hide what never does.
    """
    strongest: dict[str, Floats] = {}
    for name, indices in standing.items():
        usual = np.abs(np.median(indices)) + FLOOR * rule.psi
        cause = causes.get(name, name)
        strongest[cause] = np.maximum(strongest.get(cause, -np.inf), indices / usual)
    if len(strongest) < rule.causes:
        return 1.0
    ranked = np.sort(np.array(list(strongest.values())), axis=0)[-rule.causes]
    return float((ranked >= ranked[0]).mean())


def _change(reference: Histograms, window: Histograms, name: str, limit: float) -> str:
    """What kind of change a drifted feature shows.

    - ``season``: days of the same time of an earlier year in the training window look the same;
    - ``trend``: the training window itself went this way: its first third differs from its last,
      and the window less from the last. Without a year's data it may be a season as well;
    - ``shift``: neither.
    """
    expected, found = reference.features[name], window.features[name].sum(axis=0)
    alike = expected[[_same_season(day, window.middle) for day in reference.days]]
    if len(alike) >= FEWEST_DAYS and _distance(alike, found) <= limit:
        return "season"
    third = len(expected) // 3
    if third == 0:
        return "shift"
    first, last = expected[:third], expected[-third:]
    within = _distance(first, last.sum(axis=0)) > limit
    nearer = _distance(last, found) < _distance(first, found)
    return "trend" if within and nearer else "shift"


def _same_season(day: date, middle: date) -> bool:
    """Whether a day lies in an earlier year at about the same time of it."""
    apart = (middle - day).days
    return apart > YEAR_DAYS / 2 and abs(apart - round(apart / YEAR_DAYS) * YEAR_DAYS) <= NEAR_DAYS


def _distance(days: Counts, found: Counts) -> float:
    """The index of a histogram against the sum of some days, less chance by rows."""
    expected = days.sum(axis=0)
    return float(stability_index(expected, found) - expected_by_chance(expected, found))
