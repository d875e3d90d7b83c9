"""The documents beside a run's tables, built from what the features job counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from glue_jobs import windows
from glue_jobs.windows import PARTS, Window
from model_code import tasks

# Hour, events, labelled events, the task's tallies of these.
Hour = tuple[datetime, int, int, Sequence[float]]


def statistics(
    contract: Mapping[str, Any],
    window: Window,
    hours: Sequence[Hour],
    cuts: tuple[datetime, datetime],
    features: Mapping[str, Any],
) -> dict[str, Any]:
    """``statistics.json``, which the quality gate reads: rows, labels, nulls, windows.

    ``features`` is the baseline of each feature.
    """
    starts = (window.start, *cuts, window.end)
    rows: dict[str, int] = {
        "events": sum(events for _, events, _, _ in hours),
        "labelled": sum(known for _, _, known, _ in hours),
    }
    rows["unlabelled"] = rows["events"] - rows["labelled"]
    task = tasks.of(contract)
    labels, spans = {}, {}
    for index, part in enumerate(PARTS):
        first, last = starts[index], starts[index + 1]
        mine = [hour for hour in hours if _hour_in(hour[0], cuts) == index]
        rows[part] = sum(known for _, _, known, _ in mine)
        sums = [math.fsum(hour[3][one] for hour in mine) for one in range(len(hours[0][3]))]
        labels[part] = task.summary(rows[part], sums)
        spans[part] = {"start": windows.iso(first), "end": windows.iso(last)}
    return {
        "version": 2,
        "contract_version": contract["version"],
        "window": window.document(),
        "rows": rows,
        "labels": labels,
        "nulls": {n: features[n]["nulls"] / max(rows["train"], 1) for n in sorted(features)},
        "parts": spans,
    }


def _hour_in(hour: datetime, cuts: tuple[datetime, datetime]) -> int:
    return sum(hour >= cut for cut in cuts)


def baseline(
    contract: Mapping[str, Any],
    window: Window,
    counted: Mapping[str, Any],
    days: Sequence[str],
    features: Mapping[str, Any],
) -> dict[str, Any]:
    """``baseline.json``: the train part's histograms of each feature, in the contract's order.

    ``days`` are those of every feature's ``by_day``: rows of one day share its weather, so only
    days can say how far two samples of one process lie apart.
    """
    return {
        "version": 2,
        "contract_version": contract["version"],
        "window": {**window.document(), **counted["parts"]["train"]},
        "rows": counted["rows"]["train"],
        "days": list(days),
        "features": {
            feature["name"]: features[feature["name"]] for feature in contract["features"]
        },
    }
