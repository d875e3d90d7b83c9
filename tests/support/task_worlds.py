"""Small runs of real flights for every task, models trained on them, and what they answer."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pandas as pd

from core import names
from local import flights
from model_code import tasks
from model_code.features import fit
from model_code.features.transform import RAW, Encoder
from model_code.models import Model
from tests.support import training
from tests.support.task_contracts import LABEL, categories, compiled, with_labels

PARTS = {
    "train": ("2013-06-01", "2013-07-20"),
    "validation": ("2013-07-20", "2013-08-01"),
    "holdout": ("2013-08-01", "2013-08-15"),
    "window": ("2013-08-15", "2013-08-29"),
}
SHARE = 0.06


@functools.cache
def arrived() -> pd.DataFrame:
    """A share of the summer's flights that arrived, in order."""
    found = flights.sample(flights.prepare(), SHARE)
    first, last = PARTS["train"][0], PARTS["window"][1]
    inside = (found["event_time"] >= first) & (found["event_time"] < last)
    found = found[inside & (found["outcome"] == "arrived")]
    return found.sort_values(["event_time", "flight_id"], ignore_index=True)


def between(part: str) -> pd.DataFrame:
    """The flights of a part, or of the ``window`` that the monitor sees."""
    first, last = PARTS[part]
    found = arrived()
    inside = (found["event_time"] >= first) & (found["event_time"] < last)
    return found[inside].reset_index(drop=True)


def records(frame: pd.DataFrame, contract: dict[str, Any]) -> list[dict[str, Any]]:
    """Validated events."""
    event = contract["event"]
    wanted = [one["name"] for one in contract["features"]]
    values = frame[[event["id_field"], *wanted]].astype(object)
    found: list[Any] = values.where(values.notna(), None).to_dict("records")
    for one, moment in zip(found, frame[event["time_field"]], strict=True):
        one[event["time_field"]] = f"{moment:%Y-%m-%d %H:%M:%S}"
    return found


def labels(case: str, frame: pd.DataFrame) -> list[float]:
    """Labels as the task's numbers."""
    task = tasks.of(compiled(case))
    found = [task.label(value) for value in with_labels(case, frame)[LABEL].tolist()]
    assert None not in found
    return [one for one in found if one is not None]


def write_run(case: str, folder: Path) -> dict[str, pd.DataFrame]:
    """A features run of a case, without Spark: three parts and their documents."""
    contract = compiled(case)
    spec = specification(case)
    found = {}
    for part in ("train", "validation", "holdout"):
        frame = between(part)
        encoded = Encoder(spec).matrix(records(frame, contract))
        rows = pd.DataFrame(encoded, columns=[one["name"] for one in contract["features"]])
        for name in categories():
            rows[f"{RAW}{name}"] = frame[name]
        rows.insert(0, "flight_id", frame["flight_id"])
        rows.insert(1, "event_time", frame["event_time"])
        rows.insert(2, names.LABEL_COLUMN, labels(case, frame))
        (folder / part).mkdir(parents=True)
        rows.to_parquet(folder / part / "part.parquet", index=False)
        found[part] = rows
    documents = {
        names.FEATURE_SPEC_FILE: spec,
        names.CONTRACT_FILE: contract,
        names.BASELINE_FILE: {"version": 1},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))
    return found


def specification(case: str) -> dict[str, Any]:
    """Encodings fitted on the train part."""
    frame = between("train").assign(__number=labels(case, between("train")))
    counts: dict[str, fit.ValueCounts] = {
        name: {
            str(value): (int(n), float(total))
            for value, n, total in frame.groupby(name)["__number"].agg(["size", "sum"]).itertuples()
        }
        for name in categories()
    }
    return fit.feature_spec(compiled(case), {"start": "", "end": "", "as_of": ""}, counts)


@dataclass(frozen=True)
class Trained:
    """A run of a case and the model that an algorithm learnt from it."""

    case: str
    algorithm: str
    run: Path
    folder: Path

    @property
    def contract(self) -> dict[str, Any]:
        return compiled(self.case)

    @property
    def model(self) -> Model:
        return Model(self.folder)

    def hooks(self) -> ModuleType:
        """The archive's own inference.py."""
        path = self.folder / "code" / "inference.py"
        spec = importlib.util.spec_from_file_location("inference", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        with mock.patch.object(sys, "path", list(sys.path)):
            spec.loader.exec_module(module)
        return module


ARGUMENTS = {"xgboost": ("--trees", "40"), "linear": ()}


def train(case: str, algorithm: str, folder: Path) -> Trained:
    """Write a run and train on it by the program that runs in SageMaker."""
    write_run(case, folder / "run")
    fitted(algorithm, folder / "run", folder / "model")
    return Trained(case, algorithm, folder / "run", folder / "model")


def fitted(algorithm: str, run: Path, target: Path) -> Path:
    """A model directory."""
    training.fit(run, target, "--algorithm", algorithm, *ARGUMENTS[algorithm])
    return target


def write_seed(case: str, folder: Path, output: float | list[float] | None = None) -> Model:
    """The constant model of a case's contract, or of another output."""
    folder.mkdir(parents=True)
    contract = compiled(case)
    said = contract["seed"] if output is None else output
    (folder / "model.json").write_text(json.dumps({"kind": "constant", "output": said}))
    (folder / "contract.json").write_text(json.dumps(contract))
    return Model(folder)
