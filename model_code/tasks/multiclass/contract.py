"""What a contract says of multiclass classification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from open_data_contract_standard.model import SchemaProperty
from pydantic import Field

from config.contract_criteria import GateCriteria, MonitoringCriteria, TaskProperties
from config.problems import NOT_SET
from config.wording import Finding

LABEL_TYPES = ("string",)
# A mean of places of classes says nothing.
ENCODINGS = ("ordinal",)
FEWEST, MOST = 3, 100
DIGITS = 6


class MulticlassGate(GateCriteria):
    """Log loss in nats."""

    metric: Literal["logLoss"] = "logLoss"


class MulticlassMonitoring(MonitoringCriteria):
    """Calibration of the likeliest class's probability."""

    calibrationTolerance: Annotated[float, Field(ge=0, lt=1)]  # noqa: N815


class Properties(TaskProperties):
    """Custom properties of the contract as a whole; classes are the allowed values of the label.

    ``seedProbabilities`` by class; equal ones if it is left out.
    """

    task: Literal["multiclass"]
    seedProbabilities: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None  # noqa: N815
    gate: MulticlassGate
    monitoring: MulticlassMonitoring


def compiled(given: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    """Label rule and seed, from the checked properties and the label's compiled field."""
    classes = label["allowed"]
    shares = given["seedProbabilities"] or dict.fromkeys(classes, 1 / len(classes))
    return {
        "label_rule": {"field": label["name"], "classes": classes},
        "seed": [shares[name] for name in classes],
    }


def check(given: dict[str, Any], label: SchemaProperty) -> Iterator[Finding]:
    """Classes are a list, and the seed speaks of each."""
    classes = [entry.value for entry in label.enum or []]
    if not FEWEST <= len(classes) <= MOST:
        allowed = f"allowed with task multiclass: {FEWEST} to {MOST} values, the classes"
        yield ("label", "enum"), classes or NOT_SET, allowed
        return
    seed = given.get("seedProbabilities")
    if not isinstance(seed, dict):
        return
    if set(seed) != set(classes):
        allowed = f"allowed: one for each class ({', '.join(map(str, classes))})"
        yield ("seedProbabilities",), sorted(seed), allowed
    elif _known_sum(seed) not in (None, 1):
        yield ("seedProbabilities",), _known_sum(seed), "allowed: 1 in all"


def _known_sum(shares: dict[str, Any]) -> float | None:
    """Rounded, since thirds are not exact; None if one is no number."""
    if not all(isinstance(one, int | float) for one in shares.values()):
        return None
    return round(float(sum(shares.values())), DIGITS)
