"""When a month counts as a breach: limits from the contract and the hold-out alone.

:func:`limits` sees neither predictions nor labels of the month, so nothing that happened after
training can move a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Metric → the contract's tolerance for it.
QUALITY = {"log_loss": "logLossTolerance", "calibration_error": "calibrationTolerance"}


@dataclass(frozen=True, slots=True)
class Limits:
    """``quality`` is empty if the model in service was never evaluated on a hold-out."""

    psi: float
    drifted_features: int
    quality: dict[str, float]
    minimum_labelled: int

    def document(self) -> dict[str, float]:
        """As the report holds them."""
        return {
            "population_stability_index": self.psi,
            "drifted_features": self.drifted_features,
            **self.quality,
            "minimum_labelled": self.minimum_labelled,
        }


def limits(contract: Mapping[str, Any], holdout: Mapping[str, Any] | None) -> Limits:
    """Limits for a model with this evaluation on its hold-out.

    A quality limit is the upper end of the hold-out's sampling interval plus the tolerance.
    """
    rules = contract["monitoring"]
    quality = {}
    if holdout is not None:
        for metric, tolerance in QUALITY.items():
            quality[metric] = holdout["sampling"][metric]["high"] + rules[tolerance]
    return Limits(
        psi=rules["populationStabilityIndex"],
        drifted_features=rules["driftedFeaturesToAlarm"],
        quality=quality,
        minimum_labelled=rules["minimumLabelled"],
    )


def drifted(found: Mapping[str, Mapping[str, Any]], limit: Limits) -> list[str]:
    """Features above the index's limit, the strongest first."""
    over = [name for name, one in found.items() if one["psi"] > limit.psi]
    return sorted(over, key=lambda name: (-found[name]["psi"], name))


def judge(
    limit: Limits, drifted_features: list[str], quality: Mapping[str, Any] | None, labelled: int
) -> list[dict[str, Any]]:
    """Each criterion with ``value``, ``limit``, ``breached`` (null: not judged) and ``reason``."""
    count = len(drifted_features)
    names = ", ".join(drifted_features) or "none"
    judged: list[dict[str, Any]] = [
        {
            "name": "drifted_features",
            "value": count,
            "limit": limit.drifted_features,
            "breached": count >= limit.drifted_features,
            "reason": f"{count} features drifted ({names}); alarm from {limit.drifted_features}",
        }
    ]
    for metric in QUALITY:
        judged.append(_quality(metric, limit, quality, labelled))
    return judged


def _quality(
    metric: str, limit: Limits, quality: Mapping[str, Any] | None, labelled: int
) -> dict[str, Any]:
    words = metric.replace("_", " ")
    result: dict[str, Any] = {"name": metric, "value": None, "limit": None, "breached": None}
    if quality is None or labelled < limit.minimum_labelled:
        why = f"{labelled} labelled predictions; {limit.minimum_labelled} are needed"
    elif metric not in limit.quality:
        why = "the model in service has no evaluation on a hold-out"
    else:
        low, most = quality[metric]["low"], limit.quality[metric]
        shown = f"{words} is at least {low:.3f}; at most {most:.3f} is allowed"
        return {**result, "value": low, "limit": most, "breached": low > most, "reason": shown}
    return {**result, "reason": f"{words} is not judged: {why}"}
