"""What a contract says of regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from open_data_contract_standard.model import SchemaProperty

from config.contract_criteria import GateCriteria, TaskProperties
from config.label_values import label_values
from config.problems import NOT_SET
from config.wording import Finding

LABEL_TYPES = ("integer", "number")
ENCODINGS = ("targetMean", "ordinal")
# Sums of labels are exact below it (glue_jobs/features.py), and their squares are finite.
LARGEST = 1e12


class RegressionGate(GateCriteria):
    """Errors in the label's own unit, or in its square."""

    metric: Literal["meanAbsoluteError", "meanSquaredError"] = "meanSquaredError"


class Properties(TaskProperties):
    """Custom properties of the contract as a whole; ``seedValue`` is in the label's unit."""

    task: Literal["regression"]
    seedValue: float  # noqa: N815
    gate: RegressionGate


def compiled(given: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    """Label rule and seed, from the checked properties and the label's compiled field."""
    return {"label_rule": {"field": label["name"]}, "seed": given["seedValue"]}


def check(given: dict[str, Any], label: SchemaProperty) -> Iterator[Finding]:
    """One absurd label moves a mean of squares as far as it likes, so labels have bounds."""
    options, wrong = label.logicalTypeOptions or {}, False
    for name in ("minimum", "maximum"):
        value = options.get(name, NOT_SET)
        # What is no number was told with the field.
        if value is NOT_SET or (isinstance(value, int | float) and abs(value) > LARGEST):
            allowed = f"allowed with task regression: {-LARGEST:.0e} to {LARGEST:.0e}"
            yield ("label", "logicalTypeOptions", name), value, allowed
            wrong = True
    seed, values = given.get("seedValue"), label_values(label)
    if wrong or values is None or not isinstance(seed, int | float):
        return
    if not values.low <= seed <= values.high:
        allowed = f"allowed: within {label.name}'s values, {values.low} to {values.high}"
        yield ("seedValue",), seed, allowed
