"""What every task answers about predictions that have labels: losses, metrics and yardsticks.

Shapes: n rows, k outputs a row; outputs are (n) where k is 1, else (n x k). Labels are numbers (n),
as :meth:`model_code.tasks.task.Task.label` gives them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from model_code.evaluation.bootstrap import Draws
from model_code.evaluation.jackknife import Floats
from model_code.tasks.task import Output, Task

# At most, of the search for the weights of a linear model.
STEPS = 1000


class Measures(ABC):
    """A task's arithmetic."""

    LINK: ClassVar[str]
    """How outputs follow from linear scores: one of ``model_code.algorithms.linear.loading``."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def places(self) -> int | None:
        """Labels are whole numbers from 0 to below it; None where they are any finite number."""
        return None

    @abstractmethod
    def losses(self, label: Floats, outputs: Floats) -> Floats:
        """Objective of each row (n)."""

    @abstractmethod
    def constant(self, label: Floats) -> Output:
        """The output that loses least if it is given to all rows."""

    @abstractmethod
    def constant_without(self, label: Floats, draws: Draws) -> Floats:
        """Mean loss (G) of the best constant of all rows but those of each day."""

    @abstractmethod
    def calibrated(self, label: Floats, outputs: Floats) -> tuple[Floats, Floats]:
        """What happened and what was said (n each), which agree on average if calibrated."""

    @abstractmethod
    def others(
        self, label: Floats, outputs: Floats, draws: Draws, confidence: float
    ) -> dict[str, Any]:
        """The task's own metrics, and curves or tables to draw."""

    @abstractmethod
    def linear(self, matrix: Floats, label: Floats, penalty: float) -> tuple[Floats, Floats] | None:
        """Weights (features x k) and intercepts (k) of a linear model; None without one.

        Args:
            matrix: standardised, without a missing value.
            label: of each row.
            penalty: of squared weights, against the sum of losses.
        """

    def told(self, label: Floats, outputs: Floats) -> dict[str, float]:
        """What a training's log tells beside the objective."""
        del label, outputs
        return {}

    def constants(self, label: Floats, rows: int) -> Floats:
        """Outputs of the best constant for ``rows`` rows."""
        return repeated(self.constant(label), rows)


def repeated(output: Output, rows: int) -> Floats:
    """Outputs that are all the same."""
    shape = (rows, len(output)) if isinstance(output, tuple) else (rows,)
    return np.broadcast_to(np.asarray(output, dtype=np.float64), shape)
