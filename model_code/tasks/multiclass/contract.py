"""What a contract says of multiclass classification."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from open_data_contract_standard.model import SchemaProperty
from pydantic import Field

from config.contract_criteria import Closed, GateCriteria, MonitoringCriteria, TaskProperties
from config.problems import NOT_SET
from config.wording import Finding

LABEL_TYPES = ("string", "integer", "number")
# A mean of places of classes says nothing.
ENCODINGS = ("ordinal",)
FEWEST, MOST = 3, 100
DIGITS = 6


class ClassRange(Closed):
    """A class of numeric labels: those from the range before it up to ``below``, without it."""

    name: Annotated[str, Field(max_length=60)]
    below: float | None = None


class MulticlassGate(GateCriteria):
    """Log loss in nats."""

    metric: Literal["logLoss"] = "logLoss"


class MulticlassMonitoring(MonitoringCriteria):
    """Calibration of the likeliest class's probability."""

    calibrationTolerance: Annotated[float, Field(ge=0, lt=1)]  # noqa: N815


class Properties(TaskProperties):
    """Custom properties of the contract as a whole.

    Classes are the allowed values of a label that is text; of a number ``classes`` are ranges in
    ascending order, the last one open. ``seedProbabilities`` by class; equal ones if left out.
    """

    task: Literal["multiclass"]
    classes: list[ClassRange] | None = None
    seedProbabilities: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None  # noqa: N815
    gate: MulticlassGate
    monitoring: MulticlassMonitoring


def compiled(given: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    """Label rule and seed, from the checked properties and the label's compiled field."""
    rule: dict[str, Any] = {"field": label["name"], "classes": label.get("allowed")}
    if given["classes"]:
        rule["classes"] = [one["name"] for one in given["classes"]]
        rule["below"] = [one["below"] for one in given["classes"][:-1]]
    classes = rule["classes"]
    shares = given["seedProbabilities"] or dict.fromkeys(classes, 1 / len(classes))
    return {"label_rule": rule, "seed": [shares[name] for name in classes]}


def check(given: dict[str, Any], label: SchemaProperty) -> Iterator[Finding]:
    """Classes are a list, and the seed speaks of each."""
    text, ranges = label.logicalType == "string", given.get("classes")
    if text and ranges is not None:
        yield ("classes",), ranges, "allowed with a numeric label; of text, values are classes"
        return
    if not text:
        wrong = list(_check_ranges(ranges, label))
        yield from wrong
        if wrong:
            return
    classes = [one["name"] for one in ranges] if ranges else [e.value for e in label.enum or []]
    if not FEWEST <= len(classes) <= MOST:
        allowed = f"allowed with task multiclass: {FEWEST} to {MOST} values, the classes"
        yield (("label", "enum") if text else ("classes",)), classes or NOT_SET, allowed
        return
    seed = given.get("seedProbabilities")
    if not isinstance(seed, dict):
        return
    if set(seed) != set(classes):
        allowed = f"allowed: one for each class ({', '.join(map(str, classes))})"
        yield ("seedProbabilities",), sorted(seed), allowed
    elif _known_sum(seed) not in (None, 1):
        yield ("seedProbabilities",), _known_sum(seed), "allowed: 1 in all"


def _check_ranges(ranges: object, label: SchemaProperty) -> Iterator[Finding]:
    """Ascending, each name once, the last one open, none without values."""
    if not isinstance(ranges, list) or not all(isinstance(one, dict) for one in ranges):
        # What is no list of ranges was refused before.
        if ranges is None:
            yield ("label", "logicalType"), "a number", "allowed: with classes, ranges of it"
        return
    names, limits = [one.get("name") for one in ranges], [one.get("below") for one in ranges]
    if len(set(names)) < len(names) or not all(names):
        yield ("classes",), names, "allowed: each name once, none empty"
    elif limits and limits[-1] is not None:
        yield ("classes", len(limits) - 1, "below"), limits[-1], "allowed: none, the last is open"
    elif not all(isinstance(limit, int | float) for limit in limits[:-1]):
        yield ("classes",), limits, "allowed: below, for each but the last"
    elif sorted(set(limits[:-1])) != limits[:-1]:
        yield ("classes",), limits[:-1], "allowed: ascending limits"
    else:
        yield from _check_reach(limits[:-1], label)


def _check_reach(limits: list[float], label: SchemaProperty) -> Iterator[Finding]:
    """A class whose range no value of the label reaches is never learnt, and never seen."""
    given, bounds = label.logicalTypeOptions or {}, {"minimum": -math.inf, "maximum": math.inf}
    # What is no number was refused before.
    bounds |= {name: given[name] for name in bounds if isinstance(given.get(name), int | float)}
    low, high = bounds.values()
    for position, limit in enumerate(limits):
        if not low < limit <= high:
            allowed = f"allowed: within {label.name}'s values, {low} (excluded) to {high}"
            yield ("classes", position, "below"), limit, allowed


def _known_sum(shares: dict[str, Any]) -> float | None:
    """Rounded, since thirds are not exact; None if one is no number."""
    if not all(isinstance(one, int | float) for one in shares.values()):
        return None
    return round(float(sum(shares.values())), DIGITS)
