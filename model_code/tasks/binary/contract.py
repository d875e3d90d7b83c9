"""What a contract says of binary classification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from open_data_contract_standard.model import SchemaProperty
from pydantic import Field

from config.contract_criteria import Closed, GateCriteria, MonitoringCriteria, TaskProperties
from config.label_values import label_values
from config.wording import Finding

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
    at_least, values = positive.get("atLeast"), label_values(label)
    if values is None or not isinstance(at_least, int | float):
        return
    if not values.low < at_least <= values.high:
        shown = f"{values.low} (excluded) to {values.high}"
        allowed = f"allowed: within {label.name}'s values, {shown}, or all labels are equal"
        yield ("positiveLabel", "atLeast"), at_least, allowed
