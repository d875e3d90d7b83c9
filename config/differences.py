"""What the demo's settings change of the development settings.

The demo deploys the same templates as ``dev``; only periods, cooldown, buffers and sizes may
differ, and the demo's report prints the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.settings import Settings

# Periods, cooldown, buffers and sizes that the demo may set, the name that tells them apart, and
# the people who look into the buckets and upload files.
DEMO_MAY_CHANGE = frozenset(
    {
        "environment",
        "perimeter.break_glass_roles",
        "perimeter.landing_roles",
        "ingestion.buffer_megabytes",
        "ingestion.buffer_seconds",
        "ingestion.transform_buffer_megabytes",
        "ingestion.transform_buffer_seconds",
        "ingestion.transform_memory_megabytes",
        "processing.timeout_minutes",
        "processing.workers",
        "training.cooldown_minutes",
        "training.evaluation_minutes",
        "training.lease_minutes",
        "training.max_runtime_minutes",
        "training.algorithm.trees",
        "training.window_days",
        "serving.bake_seconds",
        "serving.experiment_minutes",
        "serving.experiment_weight",
        "api.batch_records",
        "api.burst",
        "api.requests_per_five_minutes_per_address",
        "api.requests_per_second",
        "monitoring.alarm_period_seconds",
        "monitoring.data_freshness_seconds",
        "monitoring.window_days",
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting with two values."""

    field: str
    base: object
    other: object


def differences(base: Settings, other: Settings) -> list[Difference]:
    """Every setting whose value differs, by dotted path, in the order of the models."""
    left, right = _flat(base.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    paths = list(dict.fromkeys([*left, *right]))
    return [
        Difference(path, left.get(path), right.get(path))
        for path in paths
        if left.get(path) != right.get(path)
    ]


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in data.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            flat |= _flat(value, f"{path}.")
        else:
            flat[path] = value
    return flat
