"""A model directory, as ``model.tar.gz`` unpacks: which kind it is and how it predicts.

Kinds: ``constant`` (the seed: one output for every record) and the algorithms. An algorithm's
library is imported only for its own kind, so that the seed model serves wherever Python runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import names
from core.checks import LARGEST_NUMBER
from model_code import algorithms, tasks
from model_code.algorithms import CONSTANT
from model_code.features.transform import Encoder
from model_code.tasks.task import Output, output_of

MODEL_FILE = "model.json"


class Model:
    """A loaded model; ``predict`` may be called from several threads."""

    def __init__(self, directory: Path) -> None:
        """Load from a directory.

        Raises:
            ValueError: the kind is unknown, or a constant is no output of the contract's task.
            OSError: a file is missing.
        """
        document = json.loads((directory / MODEL_FILE).read_bytes())
        self.contract: dict[str, Any] = json.loads((directory / names.CONTRACT_FILE).read_bytes())
        self.task = tasks.of(self.contract)
        self.kind: str = document.get("kind", "")
        self._constant: Output = 0.0
        self._loaded: Any = None
        self._encoder: Encoder | None = None
        files: tuple[str, ...] = ()
        if self.kind == CONSTANT:
            self._constant = self.task.read(self.task.answer(output_of(document["output"])))
        elif self.kind in algorithms.ALGORITHMS:
            self._encoder = Encoder(json.loads((directory / names.FEATURE_SPEC_FILE).read_bytes()))
            loading = algorithms.part(self.kind, "loading")
            self._loaded, files = loading.load(directory), loading.FILES
        else:
            allowed = ", ".join((CONSTANT, *algorithms.ALGORITHMS))
            raise ValueError(f"kind is {self.kind!r}; allowed: {allowed}")
        self.fingerprint = fingerprint(directory, files)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that :meth:`predict_matrix` takes, in order; none for a constant."""
        return self._encoder.names if self._encoder else ()

    def predict(self, records: Sequence[Mapping[str, Any]]) -> list[Output]:
        """Output for each validated record."""
        if self._encoder is None or not records:
            return [self._constant] * len(records)
        return self.predict_matrix(self._encoder.matrix(records))

    def predict_matrix(self, rows: Any) -> list[Output]:
        """Output for each row of an encoded matrix (n x features, NaN for missing)."""
        if self._loaded is None:
            return [self._constant] * len(rows)
        found = self._loaded.outputs(held(rows))
        return [tuple(one) for one in found] if found and isinstance(found[0], list) else found

    def description(self) -> dict[str, str]:
        """What a response says about the model that answered."""
        return {
            "kind": self.kind,
            "contract_version": self.contract["version"],
            "fingerprint": self.fingerprint,
        }


def held(rows: Any) -> Any:
    """A matrix (n x f) of doubles with NaN where a value is beyond what 32-bit floats hold.

    The validator refuses such values; rows that were stored before it did must stop nothing.
    """
    import numpy as np  # noqa: PLC0415 - a constant model serves without it

    matrix = np.asarray(rows, dtype=np.float64)
    return np.where(np.abs(matrix) <= LARGEST_NUMBER, matrix, np.nan)


def fingerprint(directory: Path, files: Sequence[str]) -> str:
    """16 hex digits that name what the model computes, whatever archive it came in.

    ``files`` are the algorithm's own.
    """
    digest = hashlib.sha256()
    for name in (MODEL_FILE, *files, names.FEATURE_SPEC_FILE):
        path = directory / name
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:16]
