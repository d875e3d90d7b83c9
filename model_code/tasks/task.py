"""What every task answers, with the standard library alone: functions and containers ask it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

# What a model computes for one record: a number, or one for each class.
Output = float | tuple[float, ...]

LOWER, HIGHER = "lower", "higher"


class AnswerError(ValueError):
    """A model's answer is none of the task; the message says what it is instead, without values."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number about a model on labelled rows, under ``key`` in evaluations and reports."""

    key: str
    title: str
    published: str
    """Name of its CloudWatch metric."""
    better: str = LOWER
    unit: str = ""


# Every task has both, and the contract a tolerance for each: the monitor judges quality by them.
RELATIVE_LOSS = Metric("relative_loss", "Relative loss", "RelativeLoss")
CALIBRATION = Metric("calibration_error", "Calibration error", "CalibrationError")


class Task(ABC):
    """A contract's task. Its objective is a mean over rows of which less is better."""

    NAME: ClassVar[str]
    LINEAR: ClassVar[str]
    """What the linear yardstick is, in words."""
    CONSTANT: ClassVar[str]
    """What the constant yardstick is, in words."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self.contract = contract
        self.rule: Mapping[str, Any] = contract["label_rule"]

    @property
    def outputs(self) -> int:
        """Numbers in an output."""
        return 1

    @property
    def seed(self) -> Output:
        """What is answered to every record before any training."""
        return output_of(self.contract["seed"])

    @property
    @abstractmethod
    def objective(self) -> Metric:
        """What training and the gate lower."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """What evaluations and the monitor tell, the objective first."""

    @abstractmethod
    def label(self, value: Any) -> float | None:
        """The label as a number, from the value of the label's field.

        None for a value that says nothing: rows that were stored under another contract must stop
        nothing. Spark's column of the task (``labels.py``) is null for the same values.
        """

    @abstractmethod
    def summary(self, rows: int, sums: Sequence[float]) -> dict[str, Any]:
        """What ``statistics.json`` tells of a part's labels, from the sums of its tallies."""

    @abstractmethod
    def lacking(self, rows: int, summary: Mapping[str, Any]) -> str | None:
        """Why nothing can be learnt from, or measured on, labels like these; None if it can."""

    @abstractmethod
    def answer(self, output: Output) -> dict[str, Any]:
        """The members of an answer about one record, as the endpoint and the API give them."""

    @abstractmethod
    def read(self, answer: Mapping[str, Any]) -> Output:
        """What the members of an answer say; others are passed over.

        Raises:
            AnswerError: they are no answer of this task.
        """

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON Schema of each member of an answer, by name."""

    def yardsticks(self) -> dict[str, str]:
        """What the two yardsticks are, in words."""
        return {"constant": self.CONSTANT, "linear": self.LINEAR}


def output_of(value: float | list[float]) -> Output:
    """An output as JSON holds it."""
    return tuple(value) if isinstance(value, list) else value


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A finite number within the bounds, or None: JSON's true is none, nor is a text."""
    if type(value) not in (int, float):
        return None
    try:
        found = float(value)
    except OverflowError:
        # JSON's whole numbers have no largest.
        return None
    return found if math.isfinite(found) and low <= found <= high else None
