"""When a window counts as a breach: limits from the contract and the hold-out alone.

:func:`limits` sees neither predictions nor labels of the window, so nothing that happened after
training can move a limit. Which criteria, and when each was decided: ``docs/adr/0033``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model_code.monitoring.drift import Drift, Rule
from model_code.tasks.task import CALIBRATION, RELATIVE_LOSS

# Metric → the contract's tolerance for it.
QUALITY = {
    RELATIVE_LOSS.key: "relativeLossTolerance",
    CALIBRATION.key: "calibrationTolerance",
}
DAY = "day"
DRIFT = "drifted_features"


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric's limit (hold-out plus tolerance), and how far the hold-out's interval reaches up.

    Both are differences of hold-out and contract; see :meth:`Bound.low`.
    """

    limit: float
    uncertainty: float

    def low(self, found: Mapping[str, float]) -> float:
        """What the metric is at least, given that the hold-out was a sample too.

        Lower end of the interval of window minus hold-out, moved by the hold-out's value, from the
        intervals of the two independent samples (Zou and Donner 2008,
        https://doi.org/10.1002/sim.3095). Asking instead that the two intervals do not overlap
        would be far stricter than the confidence says (Schenker and Gentleman 2001,
        https://doi.org/10.1198/000313001317097960).
        """
        own = found["value"] - found["low"]
        return float(found["value"] - (own**2 + self.uncertainty**2) ** 0.5)


@dataclass(frozen=True, slots=True)
class Least:
    """How many rows on how many days are needed to judge anything."""

    captured: int
    labelled: int
    days: int


@dataclass(frozen=True, slots=True)
class Limits:
    """``quality`` lacks a metric of which the hold-out of the model in service has no interval."""

    drift: Rule
    drift_alone: str
    quality: dict[str, Bound]
    least: Least

    def document(self) -> dict[str, float | str]:
        """As the report holds them."""
        return {
            "population_stability_index": self.drift.psi,
            "drifted_causes": self.drift.causes,
            "drift_alone": self.drift_alone,
            **{metric: bound.limit for metric, bound in self.quality.items()},
            "minimum_captured": self.least.captured,
            "minimum_labelled": self.least.labelled,
            "minimum_days": self.least.days,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """Distinct records and the days on which they lie."""

    rows: int
    days: int

    def short_of(self, rows: int, days: int, what: str) -> str | None:
        """What is lacking, in words; None if there is enough."""
        if self.rows >= rows and self.days >= days:
            return None
        return f"{self.rows} {what} on {self.days} days; {rows} on {days} are needed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a window showed. ``drift`` is None if there is no baseline to compare with."""

    captured: Sample
    labelled: Sample
    drift: Drift | None
    quality: Mapping[str, Any] | None


def limits(contract: Mapping[str, Any], holdout: Mapping[str, Any] | None) -> Limits:
    """Limits for a model with this evaluation on its hold-out."""
    rules = contract["monitoring"]
    quality = {}
    for metric, tolerance in QUALITY.items():
        found = estimates(holdout, rules["block"]).get(metric) if holdout is not None else None
        if found is not None and found["high"] is not None:
            quality[metric] = Bound(
                found["value"] + rules[tolerance], found["high"] - found["value"]
            )
    return Limits(
        drift=Rule(
            rules["populationStabilityIndex"],
            rules["confidence"],
            rules["driftedFeaturesToAlarm"],
        ),
        drift_alone=rules["driftAlone"],
        quality=quality,
        least=Least(rules["minimumCaptured"], rules["minimumLabelled"], rules["minimumDays"]),
    )


def estimates(evaluated: Mapping[str, Any], block: str) -> dict[str, Any]:
    """An evaluation with the intervals that the contract's ``block`` names."""
    return {**evaluated} if block == DAY else {**evaluated, **evaluated["sampling"]}


def judge(limit: Limits, seen: Evidence) -> list[dict[str, Any]]:
    """Each criterion: ``value``, ``limit``, ``breached``, ``alarms`` and ``reason``.

    ``breached`` is null if the criterion is not judged; ``alarms`` says whether a
    breach of it is an alarm.
    """
    quality = [_quality(metric, limit, seen) for metric in QUALITY]
    judged = any(one["breached"] is not None for one in quality)
    breached = any(one["breached"] for one in quality)
    return [_drift(limit, seen, quality_judged=judged, quality_breached=breached), *quality]


def _drift(
    limit: Limits, seen: Evidence, *, quality_judged: bool, quality_breached: bool
) -> dict[str, Any]:
    alone = limit.drift_alone == "always" or (
        limit.drift_alone == "whenQualityIsNotJudged" and not quality_judged
    )
    rule, drift = limit.drift, seen.drift
    result = {"name": DRIFT, "value": None, "limit": rule.causes, "breached": None,
              "alarms": alone or quality_breached}  # fmt: skip
    lacking = _too_little(limit, seen)
    if lacking is not None or drift is None:
        return {**result, "reason": f"drift is not judged: {lacking}"}
    count = len(drift.causes)
    rings = "an alarm" if result["alarms"] else "of note"
    reason = f"{_described(drift)}; {rings} from {rule.causes} causes that chance would not give"
    breached = count >= rule.causes and rule.is_rare(drift.chance)
    return {**result, "value": count, "breached": breached, "reason": reason}


def _too_little(limit: Limits, seen: Evidence) -> str | None:
    """Why drift cannot be judged; None if it can."""
    if seen.drift is None:
        return "the model in service has no baseline by day"
    least = limit.least
    lacking = seen.captured.short_of(least.captured, least.days, "captured records")
    # With fewer rotations than this none could be rare enough.
    needed = round(1 / (1 - limit.drift.confidence))
    if lacking is None and seen.drift.days < needed:
        lacking = f"baseline and window have {seen.drift.days} days; {needed} are needed"
    return lacking


def _described(drift: Drift) -> str:
    """Drifted features by cause, with the kind of change where it is known to be one of time."""
    words = []
    for cause in drift.causes:
        mine = {n: one for n, one in drift.features.items() if one["drifted"]}
        named = [
            name if one["change"] == "shift" else f"{name}: {one['change']}"
            for name, one in sorted(mine.items(), key=lambda item: (-item[1]["psi"], item[0]))
            if one["cause"] == cause
        ]
        words.append(", ".join(named))
    found = "; ".join(words) or "none"
    count = len(drift.causes)
    return f"features drifted for {count} {'cause' if count == 1 else 'causes'} ({found})"


def _quality(metric: str, limit: Limits, seen: Evidence) -> dict[str, Any]:
    words = metric.replace("_", " ")
    result = {"name": metric, "value": None, "limit": None, "breached": None, "alarms": True}
    found = seen.quality.get(metric) if seen.quality is not None else None
    least = limit.least
    why = seen.labelled.short_of(least.labelled, least.days, "labelled predictions")
    if why is None and metric not in limit.quality:
        why = "the model in service has no evaluation on a hold-out of several days"
    if why is None and found is None:
        why = "all labels are the same"
    if why is None and found is not None and found["low"] is None:
        why = "one day decides it, so it has no interval"
    if why is not None or found is None:
        return {**result, "reason": f"{words} is not judged: {why}"}
    bound = limit.quality[metric]
    low = bound.low(found)
    shown = f"{words} is at least {low:.3f}; at most {bound.limit:.3f} is allowed"
    return {**result, "value": low, "limit": bound.limit, "breached": low > bound.limit,
            "reason": shown}  # fmt: skip
