"""Regression, as functions and containers know it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from model_code.tasks.task import (
    CALIBRATION,
    RELATIVE_LOSS,
    AnswerError,
    Metric,
    Output,
    Task,
    number,
)

# The contract's name of an objective → the metric. Both are means over rows.
OBJECTIVES = {
    "meanAbsoluteError": Metric(
        "mean_absolute_error", "Mean absolute error", "MeanAbsoluteError", unit="of the label"
    ),
    "meanSquaredError": Metric(
        "mean_squared_error", "Mean squared error", "MeanSquaredError", unit="of the label, squared"
    ),
}


class Regression(Task):
    """An output is the label's predicted value, in its own unit."""

    NAME = "regression"
    CONSTANT = "a constant (the training rows' mean, or median for absolute errors)"
    LINEAR = "a ridge regression on the same features"

    @property
    def objective(self) -> Metric:
        """The one that the contract's gate names."""
        return OBJECTIVES[self.contract["gate"]["metric"]]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The objective, alone and relative to the best constant's, the other, and calibration."""
        others = [metric for metric in OBJECTIVES.values() if metric != self.objective]
        return (self.objective, RELATIVE_LOSS, CALIBRATION, *others)

    def label(self, value: Any) -> float | None:
        """The value itself."""
        return None if value is None else float(value)

    def summary(self, rows: int, sums: Sequence[float]) -> dict[str, Any]:
        """Mean and standard deviation of the labels; null without rows."""
        if not rows:
            return {"mean": None, "standard_deviation": None}
        mean = sums[0] / rows
        return {"mean": mean, "standard_deviation": math.sqrt(max(sums[1] / rows - mean**2, 0.0))}

    def lacking(self, rows: int, summary: Mapping[str, Any]) -> str | None:
        """Labels have to differ."""
        spread, mean = summary["standard_deviation"], summary["mean"]
        # The difference of two equal sums is a rounding away from nothing.
        if spread is not None and spread > 1e-7 * max(abs(mean), 1e-9):
            return None
        return f"one label alone in {rows} rows; labels have to differ"

    def answer(self, output: Output) -> dict[str, Any]:
        """One member, ``value``."""
        return {"value": output}

    def read(self, answer: Mapping[str, Any]) -> Output:
        """A number."""
        found = number(answer.get("value"))
        if found is None:
            raise AnswerError("answer is no value")
        return found

    def schema(self) -> dict[str, Any]:
        """A number."""
        return {"value": {"type": "number"}}


TASK = Regression
