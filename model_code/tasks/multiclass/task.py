"""Multiclass classification, as functions and containers know it."""

from __future__ import annotations

from bisect import bisect_right
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
ACCURACY = Metric("accuracy", "Accuracy", "Accuracy", better=HIGHER)
# Probabilities are 32-bit floats and come as text.
ROUNDING = 1e-3


class Multiclass(Task):
    """An output is the probability of each class, in the contract's order."""

    NAME = "multiclass"
    CONSTANT = "a constant (the training rows' share of each class)"
    LINEAR = "a multinomial logistic regression on the same features"

    @property
    def classes(self) -> list[str]:
        """The contract's classes; a label is the place of its class among them."""
        return list(self.rule["classes"])

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.classes)

    @property
    def objective(self) -> Metric:
        """Mean log loss."""
        return LOG_LOSS

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Log loss, alone and relative to the shares' entropy, calibration and accuracy."""
        return (LOG_LOSS, RELATIVE_LOSS, CALIBRATION, ACCURACY)

    def label(self, value: Any) -> float | None:
        """Place of the class that the value is, or whose range it lies in; None for no class."""
        if value is None:
            return None
        limits = self.rule.get("below")
        if limits is not None:
            return float(bisect_right(limits, value))
        return float(self.classes.index(value)) if value in self.classes else None

    def summary(self, rows: int, sums: Sequence[float]) -> dict[str, Any]:
        """Rows of each class."""
        del rows
        return {"classes": dict(zip(self.classes, map(round, sums), strict=True))}

    def lacking(self, rows: int, summary: Mapping[str, Any]) -> str | None:
        """At least two classes are needed."""
        seen = [name for name, count in summary["classes"].items() if count]
        if len(seen) > 1:
            return None
        return f"{len(seen)} of {len(self.classes)} classes in {rows} rows; two are needed"

    def answer(self, output: Output) -> dict[str, Any]:
        """``class``, the likeliest, and ``probabilities`` by class.

        Raises:
            ValueError: there is another number of probabilities than of classes.
        """
        shares = output if isinstance(output, tuple) else (output,)
        probabilities = dict(zip(self.classes, shares, strict=True))
        return {
            "class": max(probabilities, key=probabilities.__getitem__),
            "probabilities": probabilities,
        }

    def read(self, answer: Mapping[str, Any]) -> Output:
        """A probability for each class, and no other; together they are 1."""
        given = answer.get("probabilities")
        if not isinstance(given, dict) or given.keys() != set(self.classes):
            raise AnswerError("answer has no probability for each class")
        found = [number(given[name], 0, 1) for name in self.classes]
        known = tuple(one for one in found if one is not None)
        if len(known) != len(found) or abs(sum(known) - 1) > ROUNDING:
            raise AnswerError("answer's probabilities are not a whole")
        return known

    def schema(self) -> dict[str, Any]:
        """The class, and a number from 0 to 1 for each."""
        share = {"type": "number", "minimum": 0, "maximum": 1}
        return {
            "class": {"type": "string", "enum": self.classes},
            "probabilities": {
                "type": "object",
                "required": self.classes,
                "properties": dict.fromkeys(self.classes, share),
                "additionalProperties": False,
            },
        }


TASK = Multiclass
