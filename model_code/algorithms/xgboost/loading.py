"""A booster in a model archive, as a server asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xgboost

BOOSTER_FILE = "booster.ubj"
# What the model computes with, beside the feature specification.
FILES = (BOOSTER_FILE,)


class Loaded:
    """A booster; safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        # Requests are small and many: threads within one would only wait for each other.
        self._booster = xgboost.Booster({"nthread": 1})
        self._booster.load_model(directory / BOOSTER_FILE)

    def outputs(self, matrix: Any) -> list[Any]:
        """Number, or list of k numbers, for each row of a matrix (n x features) of doubles."""
        found: list[Any] = self._booster.inplace_predict(matrix.astype(np.float32)).tolist()
        return found


load = Loaded
