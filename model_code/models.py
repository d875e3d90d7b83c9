"""A model directory, as ``model.tar.gz`` unpacks: which kind it is and how it predicts.

Kinds: ``constant`` (the seed: one probability for every record) and ``xgboost``. XGBoost is
imported only for its own kind, so that the seed model serves wherever Python runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import names
from core.checks import LARGEST_NUMBER
from model_code.features.transform import Encoder

MODEL_FILE = "model.json"
BOOSTER_FILE = "booster.ubj"
CONSTANT = "constant"
XGBOOST = "xgboost"


class Model:
    """A loaded model; ``predict`` may be called from several threads."""

    def __init__(self, directory: Path) -> None:
        """Load from a directory.

        Raises:
            ValueError: the kind is unknown, or a constant is not a probability.
            OSError: a file is missing.
        """
        document = json.loads((directory / MODEL_FILE).read_bytes())
        self.contract: dict[str, Any] = json.loads((directory / names.CONTRACT_FILE).read_bytes())
        self.kind: str = document.get("kind", "")
        self.fingerprint = fingerprint(directory)
        self._constant = 0.0
        self._booster: Any = None
        self._encoder: Encoder | None = None
        if self.kind == CONSTANT:
            self._constant = _probability(document["probability"])
        elif self.kind == XGBOOST:
            self._encoder = Encoder(json.loads((directory / names.FEATURE_SPEC_FILE).read_bytes()))
            self._booster = _booster(directory / document["booster"])
        else:
            raise ValueError(f"kind is {self.kind!r}; allowed: {CONSTANT}, {XGBOOST}")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that :meth:`predict_matrix` takes, in order; none for a constant."""
        return self._encoder.names if self._encoder else ()

    def predict(self, records: Sequence[Mapping[str, Any]]) -> list[float]:
        """Probability for each validated record."""
        if self._encoder is None or not records:
            return [self._constant] * len(records)
        return self.predict_matrix(self._encoder.matrix(records))

    def predict_matrix(self, rows: Any) -> list[float]:
        """Probability for each row of an encoded matrix (n x features, NaN for missing)."""
        if self._booster is None:
            return [self._constant] * len(rows)
        matrix = held(rows).astype("float32")
        return self._booster.inplace_predict(matrix).tolist()  # type: ignore[no-any-return]

    def description(self) -> dict[str, str]:
        """What a response says about the model that answered."""
        return {
            "kind": self.kind,
            "contract_version": self.contract["version"],
            "fingerprint": self.fingerprint,
        }


def held(rows: Any) -> Any:
    """A matrix (n x features) of doubles with NaN where a value is beyond what XGBoost holds.

    The validator refuses such values; rows that were stored before it did must stop nothing.
    """
    import numpy as np  # noqa: PLC0415 - a constant model serves without it

    matrix = np.asarray(rows, dtype=np.float64)
    return np.where(np.abs(matrix) <= LARGEST_NUMBER, matrix, np.nan)


def fingerprint(directory: Path) -> str:
    """16 hex digits that name what the model computes, whatever archive it came in."""
    digest = hashlib.sha256()
    for name in (MODEL_FILE, BOOSTER_FILE, names.FEATURE_SPEC_FILE):
        path = directory / name
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:16]


def _probability(value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"probability is {value!r}; allowed: 0 to 1")
    return float(value)


def _booster(path: Path) -> Any:
    import xgboost  # noqa: PLC0415 - see the module's first lines

    # Requests are small and many: threads within one would only wait for each other.
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(path)
    return booster
