"""What a settings file may say of trees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from model_code.algorithms.hyperparameters import Hyperparameters


class Xgboost(Hyperparameters):
    """Gradient-boosted trees; the algorithm where none is named.

    ``trees`` is a ceiling, early stopping decides.
    """

    name: Literal["xgboost"] = "xgboost"
    trees: Annotated[int, Field(ge=1, le=5000)] = 200
    max_depth: Annotated[int, Field(ge=1, le=16)] = 6
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 2013
