"""Fitting a feature specification and a drift baseline from counts, with the standard library.

The Spark job aggregates; everything that is decided from the aggregates stands here, where a test
can check it without a JVM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from model_code.features.transform import ORDINAL, SPEC_VERSION, TARGET_MEAN

# A value seen this often weighs as much as the overall mean.
SMOOTHING_ROWS = 20.0
# Values of a category with a bin of their own in the baseline; the rest share one.
BASELINE_VALUES = 30

# For each category: value (None for null) → (rows, sum of their labels).
ValueCounts = Mapping[str | None, tuple[int, float]]
# Rows by day and bin; the last bin holds nulls.
Histograms = Sequence[Sequence[int]]


def target_means(counts: ValueCounts) -> tuple[dict[str, float], float]:
    """Smoothed mean label by value, and the overall mean for values that are not among them.

    Raises ValueError if there is no row.
    """
    rows = sum(n for n, _ in counts.values())
    if rows == 0:
        raise ValueError("no labelled row to fit target means on")
    overall = sum(labels for _, labels in counts.values()) / rows
    means = {
        value: (labels + SMOOTHING_ROWS * overall) / (n + SMOOTHING_ROWS)
        for value, (n, labels) in counts.items()
        if value is not None
    }
    return dict(sorted(means.items())), overall


def together(folds: Sequence[ValueCounts]) -> dict[str | None, tuple[int, float]]:
    """Counts of all folds."""
    found: dict[str | None, tuple[int, float]] = {}
    for counts in folds:
        for value, (rows, labels) in counts.items():
            known = found.get(value, (0, 0.0))
            found[value] = (known[0] + rows, known[1] + labels)
    return found


def out_of_fold(folds: Sequence[ValueCounts]) -> list[tuple[dict[str, float], float]]:
    """For each fold the target means of the others, moved to the overall mean of all.

    A mean that holds a row's own label tells it to the model, the more the rarer the value: trees
    then trust the column far more than it deserves (Micci-Barreca 2001 smooths, which only dampens
    it; Prokhorenkova et al. 2018, https://arxiv.org/abs/1706.09516, section 3). Without the move a
    fold with smaller labels would show by higher means of all its values. With one fold there is
    no other, and every value counts as unknown.
    """
    overall = target_means(together(folds))[1]
    found = []
    for mine in folds:
        others = together([other for other in folds if other is not mine])
        means, theirs = target_means(others) if others else ({}, overall)
        found.append(({value: mean + overall - theirs for value, mean in means.items()}, overall))
    return found


def feature_spec(
    contract: Mapping[str, Any],
    window: Mapping[str, str],
    counts: Mapping[str, ValueCounts],
) -> dict[str, Any]:
    """The document ``feature_spec.json``; ``counts`` holds every category.

    What serves is fitted on all rows of the train part; :func:`for_training` is for these rows.
    """
    features = []
    for feature in contract["features"]:
        entry = {key: feature[key] for key in ("name", "kind", "encoding")}
        if entry["encoding"] == TARGET_MEAN:
            entry["mapping"], entry["default"] = target_means(counts[entry["name"]])
        if entry["encoding"] == ORDINAL:
            entry["mapping"] = ordinals(counts[entry["name"]])
        features.append(entry)
    return {
        "version": SPEC_VERSION,
        "contract_version": contract["version"],
        "window": dict(window),
        "features": features,
    }


def for_training(spec: Mapping[str, Any], folds: Sequence[Mapping[str, ValueCounts]]) -> Any:
    """The specification with ``folds`` beside each target mean: mapping and default of each."""
    features = [
        {**feature, "folds": out_of_fold([fold[feature["name"]] for fold in folds])}
        if feature["encoding"] == TARGET_MEAN
        else feature
        for feature in spec["features"]
    ]
    return {**spec, "features": features}


def inner_edges(quantiles: Sequence[float]) -> list[float]:
    """Edges between bins, ascending and distinct; a bin is above one edge and up to the next.

    A value that several quantiles share has a bin of its own: without an edge just below it, a
    constant that falls would stay in its bin.
    """
    repeated = {one for one, following in pairwise(sorted(quantiles)) if one == following}
    return sorted({*quantiles, *(math.nextafter(value, -math.inf) for value in repeated)})


def commonest(counts: ValueCounts) -> list[str]:
    """Values of a category with a bin of their own, the commonest first."""
    return _ranked(counts)[:BASELINE_VALUES]


def ordinals(counts: ValueCounts) -> dict[str, float]:
    """Place of each value, the commonest first: numbers that trees can split, and no label."""
    places = {value: float(place) for place, value in enumerate(_ranked(counts))}
    return dict(sorted(places.items()))


def _ranked(counts: ValueCounts) -> list[str]:
    present = [(value, n) for value, (n, _) in counts.items() if value is not None]
    return [value for value, _ in sorted(present, key=lambda item: (-item[1], item[0]))]


def numeric_baseline(edges: Sequence[float], by_day: Histograms) -> Any:
    """Baseline of a number: ``edges`` (k), and by day the rows of the k + 1 bins between them."""
    return {"kind": "number", "edges": list(edges), **_histograms(by_day)}


def category_baseline(values: Sequence[str], by_day: Histograms) -> Any:
    """Baseline of a category: ``values`` (k), and by day the rows of each and of all others."""
    return {"kind": "category", "values": list(values), **_histograms(by_day)}


def _histograms(by_day: Histograms) -> dict[str, Any]:
    """Rows by day (D) and bin (k + 2, nulls last), and their sums over the days."""
    counts = [sum(column) for column in zip(*by_day, strict=True)]
    return {"counts": counts[:-1], "nulls": counts[-1], "by_day": [list(day) for day in by_day]}
