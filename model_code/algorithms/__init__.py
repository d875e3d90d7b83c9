"""How models are trained and asked: one folder an algorithm.

A folder holds ``settings.py`` (pydantic: what a settings file may say, with ranges and image),
``training.py`` (what the training job runs) and ``loading.py`` (what a server loads). A model
archive names its algorithm as ``kind`` in ``model.json``; the seed's is ``constant``, of which
nothing has to be trained.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

CONSTANT = "constant"
ALGORITHMS = ("xgboost", "linear")


def part(algorithm: str, module: str) -> Any:
    """One module of an algorithm's folder.

    Raises:
        ValueError: there is no such algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm is {algorithm!r}; allowed: {', '.join(ALGORITHMS)}")
    return import_module(f"model_code.algorithms.{algorithm}.{module}")
