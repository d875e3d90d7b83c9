"""SageMaker's data capture: which record was asked about, and what which model answered.

Objects lie at ``<endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl``, one request a line. A line that
cannot be read is counted, never fatal: monitoring a month must not fail on one request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# variant/yyyy/mm/dd/hh/file
VARIANT_POSITION = -6


@dataclass(frozen=True, slots=True)
class Prediction:
    """One record of one captured request."""

    record_id: str
    variant: str
    model: str
    probability: float
    inferred_at: str
    record: dict[str, Any]


@dataclass(slots=True)
class Captured:
    """All predictions below a folder, in no order, and how many requests could not be read."""

    predictions: list[Prediction] = field(default_factory=list)
    requests: int = 0
    unreadable: int = 0


def read(folder: Path) -> Captured:
    """Everything captured below ``folder``."""
    captured = Captured()
    for path in sorted(folder.rglob("*.jsonl")):
        variant = path.parts[VARIANT_POSITION]
        for line in path.read_bytes().splitlines():
            if not line.strip():
                continue
            captured.requests += 1
            try:
                captured.predictions.extend(parse(line, variant))
            except (ValueError, KeyError, TypeError, AttributeError):
                captured.unreadable += 1
    return captured


def parse(line: bytes, variant: str) -> list[Prediction]:
    """One captured request; ValueError if request and response do not match."""
    document = json.loads(line)
    data = document["captureData"]
    request, response = _content(data["endpointInput"]), _content(data["endpointOutput"])
    moment = document["eventMetadata"]["inferenceTime"]
    model = response.get("model", {}).get("fingerprint", "")
    return list(_pairs(request["instances"], response["predictions"], variant, model, moment))


def _pairs(
    instances: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    variant: str,
    model: str,
    moment: str,
) -> Iterator[Prediction]:
    for instance, prediction in zip(instances, predictions, strict=True):
        yield Prediction(
            record_id=str(prediction["record_id"]),
            variant=variant,
            model=model,
            probability=float(prediction["probability"]),
            inferred_at=moment,
            record=instance,
        )


def _content(part: dict[str, Any]) -> Any:
    data = part["data"]
    return json.loads(base64.b64decode(data) if part.get("encoding") == "BASE64" else data)
