"""Fitting a feature specification and a drift baseline from counts, with the standard library.

The Spark job aggregates; everything that is decided from the aggregates stands here, where a test
can check it without a JVM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model_code.features.transform import SPEC_VERSION, TARGET_MEAN

# A value seen this often weighs as much as the overall mean.
SMOOTHING_ROWS = 20.0
# Values of a category with a bin of their own in the baseline; the rest share one.
BASELINE_VALUES = 30

# For each category: value (None for null) → (rows, positives).
ValueCounts = Mapping[str | None, tuple[int, int]]


def target_means(counts: ValueCounts) -> tuple[dict[str, float], float]:
    """Smoothed mean label by value, and the overall mean for values that are not among them.

    Raises ValueError if there is no row.
    """
    rows = sum(n for n, _ in counts.values())
    if rows == 0:
        raise ValueError("no labelled row to fit target means on")
    overall = sum(positive for _, positive in counts.values()) / rows
    means = {
        value: (positive + SMOOTHING_ROWS * overall) / (n + SMOOTHING_ROWS)
        for value, (n, positive) in counts.items()
        if value is not None
    }
    return dict(sorted(means.items())), overall


def feature_spec(
    contract: Mapping[str, Any],
    window: Mapping[str, str],
    counts: Mapping[str, ValueCounts],
) -> dict[str, Any]:
    """The document ``feature_spec.json``; ``counts`` holds every target-mean feature."""
    features = []
    for feature in contract["features"]:
        entry = {key: feature[key] for key in ("name", "kind", "encoding")}
        if entry["encoding"] == TARGET_MEAN:
            entry["mapping"], entry["default"] = target_means(counts[entry["name"]])
        features.append(entry)
    return {
        "version": SPEC_VERSION,
        "contract_version": contract["version"],
        "window": dict(window),
        "features": features,
    }


def inner_edges(quantiles: Sequence[float]) -> list[float]:
    """Edges between bins, ascending and distinct; a bin is above one edge and up to the next."""
    return sorted(set(quantiles))


def numeric_baseline(edges: Sequence[float], counts: Mapping[int, int], nulls: int) -> Any:
    """Baseline of a number: ``edges`` (k) and ``counts`` of the k + 1 bins between them."""
    return {
        "kind": "number",
        "edges": list(edges),
        "counts": [counts.get(index, 0) for index in range(len(edges) + 1)],
        "nulls": nulls,
    }


def category_baseline(counts: ValueCounts) -> Any:
    """Baseline of a category: rows of the commonest values, of all others, and of null."""
    present = [(value, n) for value, (n, _) in counts.items() if value is not None]
    ranked = sorted(present, key=lambda item: (-item[1], item[0]))
    return {
        "kind": "category",
        "values": dict(ranked[:BASELINE_VALUES]),
        "other": sum(n for _, n in ranked[BASELINE_VALUES:]),
        "nulls": counts.get(None, (0, 0))[0],
    }
