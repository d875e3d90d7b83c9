"""What a processing job finds under its input directory: archives, contract, labelled rows."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model_code.evaluation.metrics import Floats, Integers
from model_code.features.transform import RAW
from model_code.models import Model


class InputError(Exception):
    """An input that the job cannot work without is absent or ambiguous."""


def single_file(folder: Path) -> Path:
    """The only file of an input; S3 may have named it after its digest.

    Raises:
        InputError: there is none, or more than one.
    """
    found = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    if len(found) != 1:
        raise InputError(f"input {folder.name} has {len(found)} files; exactly one is needed")
    return found[0]


def document(folder: Path) -> dict[str, Any]:
    """The JSON document that an input consists of."""
    return json.loads(single_file(folder).read_bytes())  # type: ignore[no-any-return]


def model(folder: Path, unpacked: Path) -> Model:
    """Unpack an input's ``model.tar.gz`` below ``unpacked`` and load it."""
    target = unpacked / folder.name
    target.mkdir(parents=True)
    with tarfile.open(single_file(folder)) as archive:
        archive.extractall(target, filter="data")
    return Model(target)


def holdout(folder: Path, contract: dict[str, Any]) -> pd.DataFrame:
    """The hold-out part in the order of event time and id."""
    event = contract["event"]
    rows = pd.read_parquet(folder)
    return rows.sort_values([event["time_field"], event["id_field"]], ignore_index=True)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as records with the values that events had; null for missing.

    Every model encodes them by its own specification, as it does when serving.
    """
    raw = {name: name.removeprefix(RAW) for name in rows.columns if name.startswith(RAW)}
    named = rows.drop(columns=list(raw.values())).rename(columns=raw)
    columns = {name: named[name].astype(object) for name in named.columns}
    values = [column.where(column.notna(), None).tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def event_times(rows: pd.DataFrame, contract: dict[str, Any]) -> Integers:
    """Microseconds since the epoch."""
    return microseconds(rows[contract["event"]["time_field"]])


def microseconds(moments: pd.Series[Any]) -> Integers:
    """Timestamps, with or without a zone (then UTC), as microseconds since the epoch."""
    if getattr(moments.dtype, "tz", None) is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    return moments.astype("datetime64[us]").to_numpy().astype(np.int64)


def predictions(served: Model, rows: list[dict[str, Any]]) -> Floats:
    """Output for each record: (n), or (n x k) of a task with several."""
    return np.asarray(served.predict(rows), dtype=np.float64)
