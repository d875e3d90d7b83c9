"""The compiled data contract, as every run-time layer sees it.

``config.contract.compile_contract`` writes the document at synth; this module reads it with the
standard library alone, so Lambda, Spark and SageMaker code need no YAML and no ODCS models.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict, cast

from core.names import CONTRACT_FILE

# The root of a function's archive (and of the source tree): the folder that holds `core/`.
BESIDE_CODE = Path(__file__).resolve().parents[1] / CONTRACT_FILE


class ContractError(ValueError):
    """The file is not a compiled contract."""


class _FieldCore(TypedDict):
    name: str
    type: str
    glue_type: str
    required: bool
    classification: str | None
    description: str


class Field(_FieldCore, total=False):
    """One field of a record. Limits are present only where the contract sets them.

    A value with ``observed_at`` needs the time in that field beside it.
    """

    allowed: list[Any]
    minimum: float
    maximum: float
    min_length: int
    max_length: int
    pattern: str
    earliest: str
    latest: str
    not_after: str
    observed_at: str
    treatment: str


class Record(TypedDict):
    """Event or label: its key, its time and its fields in the contract's order."""

    name: str
    table: str
    id_field: str
    time_field: str
    earliest: str
    latest: str
    fields: list[Field]


class _FeatureCore(TypedDict):
    name: str
    kind: str
    encoding: str
    cause: str


class Feature(_FeatureCore, total=False):
    """An input of the model; ``observed_at`` names the field that holds its time.

    Features with one ``cause`` move together, so their drift counts once.
    """

    observed_at: str


class Gate(TypedDict):
    """What a candidate must show before it may replace the champion."""

    metric: str
    margin: float
    confidence: float
    decisionsPerYear: int
    minimumHoldoutRows: int
    minimumHoldoutDays: int
    minimumTrainingRows: int


class Contract(TypedDict):
    """The whole compiled document.

    ``task`` names a folder of ``model_code/tasks``, which knows what ``label_rule`` (with the
    label's ``field``) and ``seed`` (what is answered before any training) mean.
    """

    name: str
    version: str
    event: Record
    label: Record
    features: list[Feature]
    task: str
    label_rule: dict[str, Any]
    seed: float | list[float]
    gate: Gate
    monitoring: dict[str, Any]
    retention_days: dict[str, int]
    label_latency_hours: int


def parse(document: str | bytes, origin: str = "contract") -> Contract:
    """Read a compiled contract from JSON text.

    Args:
        document: the JSON text.
        origin: what to call it in the error.

    Raises:
        ContractError: not JSON, not an object, or without a key that code relies on.
    """
    try:
        content = json.loads(document)
    except ValueError as error:
        raise ContractError(f"{origin} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ContractError(f"{origin} holds a {type(content).__name__}; expected an object")
    absent = sorted(Contract.__required_keys__ - content.keys())
    if absent:
        raise ContractError(f"{origin} lacks {', '.join(absent)}; write it with compile_contract")
    return cast(Contract, content)


@lru_cache(maxsize=8)
def _read(path: Path) -> Contract:
    return parse(path.read_bytes(), str(path))


def load(path: str | Path | None = None) -> Contract:
    """Read a compiled contract once per process.

    Args:
        path: a local file; by default ``contract.json`` at the root of the function's archive.

    Raises:
        FileNotFoundError: no such file.
        ContractError: see :func:`parse`.
    """
    return _read(Path(path) if path is not None else BESIDE_CODE)


def record_of(contract: Contract, stream: str) -> Record:
    """The record that a stream carries: ``events`` the event, ``labels`` the label.

    Raises:
        ContractError: no record has this table name.
    """
    for record in (contract["event"], contract["label"]):
        if record["table"] == stream:
            return record
    tables = f"{contract['event']['table']}, {contract['label']['table']}"
    raise ContractError(f"stream is {stream!r}; allowed: {tables}")
