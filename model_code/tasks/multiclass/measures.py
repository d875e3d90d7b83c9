"""How good probabilities of several classes are."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import entr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from model_code.evaluation.bootstrap import Draws, mean, without
from model_code.evaluation.jackknife import Floats
from model_code.tasks.measures import STEPS, Measures
from model_code.tasks.multiclass.task import Multiclass
from model_code.tasks.task import Output

# Probabilities are kept this far from 0, so that one certain error has a finite loss.
CLIP = 1e-7
# Score of a class that the yardstick has never seen: its share is nothing.
NEVER = -1e3


class MulticlassMeasures(Measures):
    """Log loss in nats, accuracy, confusion matrix."""

    LINK = "softmax"

    task: Multiclass

    @property
    def places(self) -> int:
        """One for each class."""
        return len(self.task.classes)

    def losses(self, label: Floats, outputs: Floats) -> Floats:
        """Log loss of each row, in nats."""
        said = outputs[np.arange(len(label)), label.astype(np.int64)]
        return np.asarray(-np.log(np.clip(said, CLIP, 1)))

    def constant(self, label: Floats) -> Output:
        """Share of each class."""
        shares = np.bincount(label.astype(np.int64), minlength=self.places) / len(label)
        return tuple(map(float, shares))

    def constant_without(self, label: Floats, draws: Draws) -> Floats:
        """Entropy of the shares without each day."""
        rows = without(draws.sums(np.ones_like(label)))
        shares = [
            without(draws.sums((label == k).astype(np.float64))) / rows for k in range(self.places)
        ]
        return np.asarray(entr(np.array(shares)).sum(axis=0))

    def calibrated(self, label: Floats, outputs: Floats) -> tuple[Floats, Floats]:
        """Whether the likeliest class is the right one, and its probability."""
        return (outputs.argmax(axis=1) == label).astype(np.float64), outputs.max(axis=1)

    def others(
        self, label: Floats, outputs: Floats, draws: Draws, confidence: float
    ) -> dict[str, Any]:
        """``accuracy``, and ``confusion``: rows by class that is (rows) and was said (columns)."""
        said = outputs.argmax(axis=1)
        right = (said == label).astype(np.float64)
        table = confusion_matrix(label.astype(np.int64), said, labels=range(self.places))
        return {
            "accuracy": mean(right, draws, confidence).document(),
            "confusion": table.tolist(),
        }

    def told(self, label: Floats, outputs: Floats) -> dict[str, float]:
        """Accuracy."""
        return {"accuracy": float((outputs.argmax(axis=1) == label).mean())}

    def linear(self, matrix: Floats, label: Floats, penalty: float) -> tuple[Floats, Floats] | None:
        """Multinomial logistic regression; none with one class."""
        seen = np.unique(label).astype(np.int64)
        if len(seen) == 1:
            return None
        model = LogisticRegression(C=1 / penalty, max_iter=STEPS).fit(matrix, label)
        weights = np.zeros((matrix.shape[1], self.places))
        intercept = np.full(self.places, NEVER)
        # Of two classes scikit-learn has the second one's scores alone.
        fitted = seen[1:] if len(seen) == 2 else seen
        intercept[seen] = 0.0
        weights[:, fitted], intercept[fitted] = model.coef_.T, model.intercept_
        return weights, intercept


MEASURES = MulticlassMeasures
