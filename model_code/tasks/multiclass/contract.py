"""What a contract says of multiclass classification."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from open_data_contract_standard.model import SchemaProperty
from pydantic import Field

from config.contract_criteria import Closed, GateCriteria, MonitoringCriteria, TaskProperties
from config.label_values import label_values
from config.problems import NOT_SET, Location
from config.wording import Finding

LABEL_TYPES = ("string", "integer", "number")
# A mean of places of classes says nothing.
ENCODINGS = ("ordinal",)
FEWEST, MOST = 3, 100
DIGITS = 6
# Categories of Unicode: controls, halves of a character, ends of lines and paragraphs.
BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


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
    """Classes can be told apart and learnt, and the seed speaks of each.

    What has not its type is not given: it was told before.
    """
    text, ranges = label.logicalType == "string", given.get("classes")
    if text and ranges is not None:
        yield ("classes",), ranges, "allowed with a numeric label; of text, values are classes"
    elif text:
        values: list[Any] = [entry.value for entry in label.enum or []]
        if label.enum is None or _distinct_texts(values):
            yield from _check_all(given, values, _check_names(values, ("label", "enum"), "value"))
    elif ranges is None:
        yield ("classes",), NOT_SET, "must be set with a numeric label; allowed: ranges of it"
    else:
        yield from _check_all(given, [one["name"] for one in ranges], _check_ranges(ranges, label))


def _distinct_texts(values: list[Any]) -> bool:
    """Whether nothing else was told of the label's values."""
    texts = all(isinstance(value, str) for value in values)
    return texts and 0 < len(values) == len(set(values))


def _check_all(
    given: dict[str, Any], classes: list[str], found: Iterator[Finding]
) -> Iterator[Finding]:
    """Number of classes, what is ``found`` of them, and, if nothing is, their seed."""
    wrong = list(found)
    if not FEWEST <= len(classes) <= MOST:
        place = ("classes",) if given.get("classes") is not None else ("label", "enum")
        allowed = f"allowed with task multiclass: {FEWEST} to {MOST} values, the classes"
        wrong = [(place, classes or NOT_SET, allowed), *wrong]
    yield from wrong
    seed = given.get("seedProbabilities")
    if wrong or seed is None:
        return
    if seed.keys() != set(classes):
        yield ("seedProbabilities",), seed, f"allowed: one for each class ({', '.join(classes)})"
    elif (whole := round(math.fsum(seed.values()), DIGITS)) != 1:
        # Rounded, since thirds are not exact.
        yield ("seedProbabilities",), whole, "allowed: 1 in all"


def _check_names(names: list[str], place: Location, key: str) -> Iterator[Finding]:
    """Answers, reports and dashboards show names: people have to see them and tell them apart."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        kinds = {unicodedata.category(one) for one in name}
        first = seen.setdefault(unicodedata.normalize("NFC", name), position)
        if kinds & BREAKING:
            allowed = "allowed: a name without control characters, for people read it"
        elif all(kind[0] in "ZC" for kind in kinds):
            allowed = "allowed: a name with a character that shows"
        elif first != position:
            same = "" if names[first] == name else "; another looks the same (equal in Unicode NFC)"
            allowed = f"allowed: each name once{same}"
        else:
            continue
        yield (*place, position, key), name, allowed


def _check_ranges(ranges: list[dict[str, Any]], label: SchemaProperty) -> Iterator[Finding]:
    """Names, ascending limits, the last range open, none without values."""
    limits = [one.get("below") for one in ranges]
    names = [one["name"] for one in ranges]
    wrong = [*_check_names(names, ("classes",), "name"), *_check_limits(limits)]
    yield from wrong or _check_reach(ranges, label)


def _check_limits(limits: list[float | None]) -> Iterator[Finding]:
    before = -math.inf
    for position, limit in enumerate(limits):
        here, last = ("classes", position, "below"), position == len(limits) - 1
        if last and limit is not None:
            yield here, limit, "allowed: none, the last is open"
        elif not last and limit is None:
            yield here, NOT_SET, "must be set; allowed: below, for each but the last"
        elif limit is not None and limit <= before:
            yield here, limit, f"allowed: ascending limits, here above {before}"
        before = before if limit is None else limit


def _check_reach(ranges: list[dict[str, Any]], label: SchemaProperty) -> Iterator[Finding]:
    """A class whose range no value of the label reaches is never learnt, and never seen."""
    values = label_values(label)
    if values is None:
        return
    limits = [one["below"] for one in ranges[:-1]]
    bounds = zip([-math.inf, *limits], [*limits, math.inf], strict=True)
    for position, (low, high) in enumerate(bounds):
        if not values.reach(low, high):
            allowed = f"allowed: a range that holds one of {label.name}'s values, {values}"
            yield ("classes", position), ranges[position], allowed
