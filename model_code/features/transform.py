"""A validated record to a vector of doubles, with the standard library alone.

Serving runs this on every request; ``model_code.features.spark`` computes the same doubles for
training. Both follow ``feature_spec.json``, so what a model sees cannot differ between the two:

- ``identity``: the value as a double;
- ``targetMean``: the training window's smoothed mean label of the value, ``default`` for a value
  that the window did not have;
- ``ordinal``: the value's place in the training window, the commonest first; a value that the
  window did not have is missing.

Missing is NaN under each encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core import names

SPEC_VERSION = 1
IDENTITY = "identity"
TARGET_MEAN = "targetMean"
ORDINAL = "ordinal"
MISSING = float("nan")
# Prefix of the columns that keep a category's own value beside its encoding.
RAW = f"{names.WORKING}raw_"

Spec = Mapping[str, Any]


class SpecError(ValueError):
    """A feature specification that this code does not know how to follow."""


class Encoder:
    """A specification prepared for many records; safe to share between threads."""

    __slots__ = ("_steps", "names")

    def __init__(self, spec: Spec) -> None:
        """Raises SpecError if version or an encoding is unknown."""
        if spec.get("version") != SPEC_VERSION:
            raise SpecError(f"version is {spec.get('version')!r}; allowed: {SPEC_VERSION}")
        features = spec["features"]
        self.names: tuple[str, ...] = tuple(feature["name"] for feature in features)
        self._steps = tuple(_step(feature) for feature in features)

    def vector(self, record: Mapping[str, Any]) -> list[float]:
        """One double for each feature, in the specification's order."""
        get = record.get
        row = []
        for name, means, default in self._steps:
            value = get(name)
            if value is None:
                row.append(MISSING)
            elif means is None:
                row.append(float(value))
            else:
                row.append(means.get(value, default))
        return row

    def matrix(self, records: Iterable[Mapping[str, Any]]) -> list[list[float]]:
        """One vector for each record."""
        return [self.vector(record) for record in records]


def vector(record: Mapping[str, Any], spec: Spec) -> list[float]:
    """One record under a specification; keep an :class:`Encoder` for more than a few."""
    return Encoder(spec).vector(record)


def _step(feature: Mapping[str, Any]) -> tuple[str, dict[str, float] | None, float]:
    encoding = feature["encoding"]
    if encoding == IDENTITY:
        return feature["name"], None, MISSING
    if encoding == TARGET_MEAN:
        return feature["name"], dict(feature["mapping"]), float(feature["default"])
    if encoding == ORDINAL:
        return feature["name"], dict(feature["mapping"]), MISSING
    allowed = ", ".join((IDENTITY, TARGET_MEAN, ORDINAL))
    raise SpecError(f"encoding of {feature['name']} is {encoding!r}; allowed: {allowed}")
