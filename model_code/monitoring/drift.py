"""Population stability index of each feature: captured inputs against the training window.

The index is the symmetric relative entropy of two histograms over the baseline's bins, with missing
values as a bin of their own; ``scipy.special.rel_entr`` gives its two halves.

Two samples of one distribution differ too: over B bins, n and m rows, the index is then about
(1/n + 1/m) times a chi-square variable with B - 1 degrees of freedom (Yurdakul and Naranjo 2020,
"Statistical properties of the population stability index", Journal of Risk Model Validation 14(4)).
That expectation, (B - 1)(1/n + 1/m), is subtracted, so that a limit means the same for few rows as
for many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import rel_entr

from model_code.evaluation.metrics import Floats

# Added to every bin, so that an empty one has a finite weight.
PSEUDO_COUNT = 0.5


def stability_index(expected: Sequence[float], found: Sequence[float]) -> float:
    """PSI of two histograms (counts over the same bins)."""
    shares = [_shares(counts) for counts in (expected, found)]
    both = rel_entr(shares[0], shares[1]) + rel_entr(shares[1], shares[0])
    return float(both.sum())


def expected_by_chance(expected: Sequence[float], found: Sequence[float]) -> float:
    """Mean of the index if both histograms were samples of one distribution."""
    sizes = [float(sum(counts)) for counts in (expected, found)]
    if min(sizes) == 0:
        return 0.0
    occupied = sum(one + other > 0 for one, other in zip(expected, found, strict=True))
    return (occupied - 1) * sum(1 / size for size in sizes)


def _shares(counts: Sequence[float]) -> Floats:
    smoothed = np.asarray(counts, dtype=np.float64) + PSEUDO_COUNT
    return np.asarray(smoothed / smoothed.sum())


def features(
    baseline: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """For each feature ``psi`` and the shares of nulls in the records and in the baseline.

    ``psi`` is ``psi_as_found`` less what chance alone is expected to give, at least 0.
    """
    found = {}
    for name, expected in baseline["features"].items():
        values = [record.get(name) for record in records]
        missing = sum(value is None for value in values)
        present = [value for value in values if value is not None]
        binned = _numbers if expected["kind"] == "number" else _categories
        reference, counts = binned(expected, present)
        rows = sum(reference) + expected["nulls"]
        histograms = [*reference, expected["nulls"]], [*counts, missing]
        index, chance = stability_index(*histograms), expected_by_chance(*histograms)
        found[name] = {
            "psi": max(index - chance, 0.0),
            "psi_as_found": index,
            "nulls": missing / len(values) if values else 0.0,
            "baseline_nulls": expected["nulls"] / rows if rows else 0.0,
        }
    return found


def _numbers(expected: Mapping[str, Any], values: Sequence[Any]) -> tuple[list[int], list[int]]:
    edges = np.asarray(expected["edges"], dtype=np.float64)
    place = np.searchsorted(edges, np.asarray(values, dtype=np.float64), "left")
    return expected["counts"], np.bincount(place, minlength=len(edges) + 1).tolist()


def _categories(expected: Mapping[str, Any], values: Sequence[Any]) -> tuple[list[int], list[int]]:
    known = expected["values"]
    counts = Counter(value if value in known else None for value in values)
    return [*known.values(), expected["other"]], [*(counts[name] for name in known), counts[None]]
