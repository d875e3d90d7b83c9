"""The features job on real flights for regression and for classes of numbers and of text."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from core.contract import Contract
from glue_jobs import windows
from lambdas.gate.logic import quality
from local import flights
from model_code import tasks
from model_code.features.transform import RAW, Encoder
from tests.support import spark_jobs
from tests.support.features_job import Run
from tests.support.spark_jobs import jvm
from tests.support.task_contracts import CLASSES, LABEL, categories, compiled, with_labels

__all__ = ["jvm"]

CASES = ("squared", "ranges", "texts")


class Job:
    """One run of the job for a case, with the flights that it read."""

    def __init__(self, case: str, frame: pd.DataFrame, folder: Any) -> None:
        self.contract = compiled(case)
        self.frame = with_labels(case, frame)
        root = folder / "lake"
        root.mkdir()
        lake = spark_jobs.write_lake(root, self.frame, self.contract)
        self.run = Run(lake, folder / "run", as_of="2013-01-15T00:00:00Z", window_days="13")

    def labels(self, rows: pd.DataFrame) -> list[float | None]:
        """What the task says of the flights of some rows."""
        values = self.frame.set_index("flight_id")[LABEL].reindex(rows["flight_id"])
        return [tasks.of(self.contract).label(value) for value in values.tolist()]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    sampled = flights.sample(flights.prepare(), 0.1)
    return sampled[sampled["event_time"] < "2013-01-16"]


@pytest.fixture(scope="module", params=CASES)
def job(
    request: pytest.FixtureRequest, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Job:
    return Job(request.param, frame, tmp_path_factory.mktemp("job"))


def test_labels_are_the_tasks(job: Job) -> None:
    for part in windows.PARTS:
        rows = job.run.part(part)
        assert len(rows) > 50
        assert rows["__label"].tolist() == job.labels(rows)
        assert rows["__label"].nunique() >= 3


def test_statistics_tell_of_each_parts_labels_and_the_gate_reads_them(job: Job) -> None:
    statistics = job.run.document("statistics.json")
    for part in windows.PARTS:
        label, found = job.run.part(part)["__label"], statistics["labels"][part]
        assert statistics["rows"][part] == len(label)
        if job.contract["task"] == "regression":
            assert found["mean"] == pytest.approx(label.mean())
            assert found["standard_deviation"] == pytest.approx(label.std(ddof=0))
        else:
            counts = [int((label == k).sum()) for k in range(len(CLASSES))]
            assert found == {"classes": dict(zip(CLASSES, counts, strict=True))}
    small: Any = {**job.contract, "gate": {**job.contract["gate"], "minimumTrainingRows": 100}}
    small["gate"]["minimumHoldoutRows"] = 50
    assert quality(cast(Contract, small), statistics) == {"passed": True, "reasons": []}


def test_what_training_sees_is_what_serving_encodes(job: Job) -> None:
    """Ordinal places for all parts; target means for those that were not fitted on."""
    spec = job.run.document("feature_spec.json")
    encoder, means = Encoder(spec), job.contract["task"] == "regression"
    raw = job.frame.set_index("flight_id")
    for part in windows.PARTS[1 if means else 0 :]:
        rows = job.run.part(part)
        values = raw.reindex(rows["flight_id"])[list(encoder.names)].astype(object)
        records: list[Any] = values.where(values.notna(), None).to_dict("records")
        served = np.array(encoder.matrix(records), dtype=np.float64)
        assert np.array_equal(rows[list(encoder.names)].to_numpy(float), served, equal_nan=True)
    holdout = job.run.part("holdout")
    carriers = raw["carrier"].reindex(holdout["flight_id"])
    assert holdout[f"{RAW}carrier"].tolist() == carriers.tolist()


def test_encodings_are_of_the_train_part(job: Job) -> None:
    train = job.run.part("train")
    raw = job.frame.set_index("flight_id").reindex(train["flight_id"]).reset_index()
    spec = {one["name"]: one for one in job.run.document("feature_spec.json")["features"]}
    for name in categories():
        counts = raw[name].value_counts()
        mapping = spec[name]["mapping"]
        assert set(mapping) == set(counts.index)
        if spec[name]["encoding"] == "ordinal":
            ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
            assert mapping == {value: float(place) for place, value in enumerate(ranked)}
        else:
            overall = train["__label"].mean()
            assert spec[name]["default"] == pytest.approx(overall)
            one = str(counts.index[0])
            mine = train["__label"][(raw[name] == one).to_numpy()]
            smoothed = (mine.sum() + 20 * overall) / (len(mine) + 20)
            assert mapping[one] == pytest.approx(smoothed)
