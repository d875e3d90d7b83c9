"""How good predicted numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from model_code.evaluation.bootstrap import Draws, mean
from model_code.evaluation.jackknife import Floats
from model_code.tasks.measures import Measures
from model_code.tasks.regression.task import OBJECTIVES
from model_code.tasks.task import Output

ABSOLUTE = OBJECTIVES["meanAbsoluteError"]


class RegressionMeasures(Measures):
    """Absolute or squared errors, as the contract's gate says."""

    LINK = "identity"

    @property
    def _absolute(self) -> bool:
        return self.task.objective == ABSOLUTE

    def losses(self, label: Floats, outputs: Floats) -> Floats:
        """Absolute or squared error of each row."""
        errors = np.abs(outputs - label)
        return errors if self._absolute else errors**2

    def constant(self, label: Floats) -> Output:
        """Median for absolute errors, mean for squared ones."""
        best = np.median(label) if self._absolute else label.mean()
        # The mean of equal labels is a rounding away from them: a loss that is none.
        return float(np.clip(best, label.min(), label.max()))

    def constant_without(self, label: Floats, draws: Draws) -> Floats:
        """Mean error of the median or mean without each day."""
        found = np.full(draws.blocks, np.nan)
        for block in range(draws.blocks):
            others = label[draws.block != block]
            if len(others):
                best = np.full(len(others), self.constant(others))
                found[block] = self.losses(others, best).mean()
        return found

    def calibrated(self, label: Floats, outputs: Floats) -> tuple[Floats, Floats]:
        """Labels and predicted values."""
        return label, outputs

    def others(
        self, label: Floats, outputs: Floats, draws: Draws, confidence: float
    ) -> dict[str, Any]:
        """The error that is not the objective."""
        errors = np.abs(outputs - label)
        return {
            metric.key: mean(
                errors if metric == ABSOLUTE else errors**2, draws, confidence
            ).document()
            for metric in OBJECTIVES.values()
            if metric != self.task.objective
        }

    def linear(self, matrix: Floats, label: Floats, penalty: float) -> tuple[Floats, Floats] | None:
        """Ridge regression; for absolute errors moved to the median of what it leaves."""
        model = Ridge(alpha=penalty).fit(matrix, label)
        left = np.median(label - model.predict(matrix)) if self._absolute else 0.0
        return model.coef_[:, None], np.atleast_1d(model.intercept_ + left)


MEASURES = RegressionMeasures
