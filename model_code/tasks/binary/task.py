"""Binary classification, as functions and containers know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model_code.tasks.task import (
    CALIBRATION,
    HIGHER,
    RELATIVE_LOSS,
    AnswerError,
    Metric,
    Output,
    Task,
    number,
)

LOG_LOSS = Metric("log_loss", "Log loss", "LogLoss", unit="nats")
AUC = Metric("auc", "AUC", "AreaUnderCurve", better=HIGHER)


class Binary(Task):
    """An output is the probability of the positive class."""

    NAME = "binary"
    CONSTANT = "a constant (the training rows' share of positives)"
    LINEAR = "a logistic regression on the same features"

    @property
    def objective(self) -> Metric:
        """Mean log loss."""
        return LOG_LOSS

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Log loss, alone and relative to the base rate's entropy, ranking and calibration."""
        return (LOG_LOSS, RELATIVE_LOSS, CALIBRATION, AUC)

    def label(self, value: Any) -> float | None:
        """1 if the value is at least the contract's limit."""
        return None if value is None else float(value >= self.rule["at_least"])

    def summary(self, rows: int, sums: Sequence[float]) -> dict[str, Any]:
        """How many labels are positive."""
        del rows
        return {"positives": round(sums[0])}

    def lacking(self, rows: int, summary: Mapping[str, Any]) -> str | None:
        """Both classes are needed."""
        positives = summary["positives"]
        if 0 < positives < rows:
            return None
        return f"{positives} positives in {rows} rows; both classes are needed"

    def answer(self, output: Output) -> dict[str, Any]:
        """One member, ``probability``."""
        return {"probability": output}

    def read(self, answer: Mapping[str, Any]) -> Output:
        """A number from 0 to 1."""
        found = number(answer.get("probability"), 0, 1)
        if found is None:
            raise AnswerError("answer is no probability")
        return found

    def schema(self) -> dict[str, Any]:
        """A number from 0 to 1."""
        return {"probability": {"type": "number", "minimum": 0, "maximum": 1}}


TASK = Binary
