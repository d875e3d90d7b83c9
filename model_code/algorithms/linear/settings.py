"""What a settings file may say of linear models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from model_code.algorithms.hyperparameters import Hyperparameters


class Linear(Hyperparameters):
    """Logistic, multinomial or ridge regression, as the task asks, on standardised features.

    ``penalty`` of squared weights against the sum of losses is the weakest of the ``penalties``
    that are tried, each ten times the one before; the validation part decides. XGBoost's image
    carries scikit-learn, too (requirements-container.txt).
    """

    name: Literal["linear"]
    penalty: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    penalties: Annotated[int, Field(ge=1, le=9)] = 4
