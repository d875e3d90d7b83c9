"""What a contract says of binary classification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from open_data_contract_standard.model import SchemaProperty
from pydantic import Field

from config.contract_criteria import Closed, GateCriteria, MonitoringCriteria, TaskProperties
from config.wording import Finding
from core.checks import RANGES

LABEL_TYPES = ("integer", "number")
ENCODINGS = ("targetMean", "ordinal")


class PositiveLabel(Closed):
    """The label is positive when ``field`` is ``atLeast`` or more."""

    field: str
    atLeast: float  # noqa: N815


class BinaryGate(GateCriteria):
    """Log loss in nats."""

    metric: Literal["logLoss"] = "logLoss"
    margin: Annotated[float, Field(ge=0, le=1)]


class BinaryMonitoring(MonitoringCriteria):
    """Calibration in probability."""

    calibrationTolerance: Annotated[float, Field(ge=0, lt=1)]  # noqa: N815


class Properties(TaskProperties):
    """Custom properties of the contract as a whole."""

    task: Literal["binary"]
    positiveLabel: PositiveLabel  # noqa: N815
    seedProbability: Annotated[float, Field(gt=0, lt=1)]  # noqa: N815
    gate: BinaryGate
    monitoring: BinaryMonitoring


def compiled(given: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    """Label rule and seed, from the checked properties and the label's compiled field."""
    rule = {"field": label["name"], "at_least": given["positiveLabel"]["atLeast"]}
    return {"label_rule": rule, "seed": given["seedProbability"]}


def check(given: dict[str, Any], label: SchemaProperty) -> Iterator[Finding]:
    """Labels must be able to differ: a rule that all values keep, or none, teaches nothing.

    Places are those of the property's value.
    """
    positive = given.get("positiveLabel")
    if not isinstance(positive, dict):
        return
    if positive.get("field") != label.name:
        allowed = f"allowed: the field with mlRole labelValue, {label.name}"
        yield ("positiveLabel", "field"), positive.get("field"), allowed
    at_least = positive.get("atLeast")
    if label.logicalType not in RANGES or not isinstance(at_least, int | float):
        return
    options, values = label.logicalTypeOptions or {}, [entry.value for entry in label.enum or []]
    smallest, largest = RANGES[label.logicalType]
    lows = [value for value in values or [options.get("minimum")] if isinstance(value, int | float)]
    highs = [
        value for value in values or [options.get("maximum")] if isinstance(value, int | float)
    ]
    low, high = min(lows, default=smallest), max(highs, default=largest)
    if not low < at_least <= high:
        shown = f"{low} (excluded) to {high}"
        allowed = f"allowed: within {label.name}'s values, {shown}, or all labels are equal"
        yield ("positiveLabel", "atLeast"), at_least, allowed
