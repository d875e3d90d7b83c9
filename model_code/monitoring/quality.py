"""Quality of captured predictions against the labels that have arrived, by variant and model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from model_code import tasks
from model_code.evaluation import inputs, metrics
from model_code.monitoring import criteria
from model_code.monitoring.capture import Prediction

DRAW_SEED = 2013


def groups(inside: Sequence[Prediction]) -> dict[tuple[str, str], list[Prediction]]:
    """Predictions by variant and fingerprint of the model that gave them."""
    found: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for one in inside:
        found[one.variant, one.model].append(one)
    return found


def totals(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    """Counts of all variants together."""
    wanted = ("captured", "duplicates", "labelled", "unlabelled")
    return {name: sum(one[name] for one in counts) for name in wanted}


def variant(
    group: Sequence[Prediction], known: Mapping[str, float], contract: dict[str, Any]
) -> dict[str, Any]:
    """Counts and quality of what one model answered as one variant; first answers count."""
    first = first_by_id(group)
    labelled = sorted(
        (one for one in first.values() if one.record_id in known), key=lambda one: one.record_id
    )
    counts = {
        "captured": len(group),
        "duplicates": len(group) - len(first),
        "labelled": len(labelled),
        "unlabelled": len(first) - len(labelled),
        "labelled_days": days(labelled, contract),
    }
    if not labelled:
        return {"counts": counts, "quality": None, "by_day": None}
    by_day = _quality(labelled, known, contract)
    judged = criteria.estimates(by_day, contract["monitoring"]["block"])
    return {"counts": counts, "quality": judged, "by_day": by_day}


def days(found: Iterable[Prediction], contract: Mapping[str, Any]) -> int:
    """On how many UTC days these records' events lie."""
    time_field = contract["event"]["time_field"]
    return len({str(one.record[time_field])[:10] for one in found})


def first_by_id(group: Sequence[Prediction]) -> dict[str, Prediction]:
    """The earliest answer about each record; a client that asks again does not count twice."""
    first: dict[str, Prediction] = {}
    for one in sorted(group, key=lambda one: (one.inferred_at, one.record_id, one.output)):
        first.setdefault(one.record_id, one)
    return first


def _quality(
    labelled: Sequence[Prediction], known: Mapping[str, float], contract: dict[str, Any]
) -> dict[str, Any]:
    rules, time_field = contract["monitoring"], contract["event"]["time_field"]
    moments = pd.to_datetime(
        pd.Series([one.record[time_field] for one in labelled]), format="ISO8601", utc=True
    )
    return metrics.evaluate(
        tasks.measures_of(contract),
        np.array([known[one.record_id] for one in labelled]),
        np.array([one.output for one in labelled]),
        metrics.draw(inputs.microseconds(moments), DRAW_SEED),
        bins=rules["bins"],
        confidence=rules["confidence"],
    )
