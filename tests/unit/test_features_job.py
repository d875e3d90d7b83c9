"""The features job on three weeks of real flights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from glue_jobs import arguments, features, windows
from local import flights
from tests.unit import spark_jobs
from tests.unit.spark_jobs import CONTRACT

AS_OF = "2013-01-22T00:00:00Z"
NAMES = [feature["name"] for feature in CONTRACT["features"]]


class Run:
    """One run of the job and what it wrote."""

    def __init__(self, lake: Path, output: Path, **given: str) -> None:
        self.output = output
        chosen = {
            "input_contract": f"{lake}/contract.json",
            "input_events": f"{lake}/events/",
            "input_labels": f"{lake}/labels/",
            "output_run": f"{output}/",
            "window_days": "21",
            "validation_share": "0.2",
            "holdout_share": "0.2",
            "as_of": AS_OF,
            **given,
        }
        features.main([part for name, value in chosen.items() for part in (f"--{name}", value)])

    def part(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.output / name)

    def document(self, name: str) -> dict[str, Any]:
        return json.loads((self.output / name).read_bytes())  # type: ignore[no-any-return]


@pytest.fixture(autouse=True, scope="module")
def java() -> Iterator[None]:
    with spark_jobs.java():
        yield


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    sampled = flights.sample(flights.prepare(), 0.1)
    return sampled[sampled["event_time"] < "2013-01-24"]


@pytest.fixture(scope="module")
def run(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Run:
    lake = tmp_path_factory.mktemp("lake")
    spark_jobs.write_lake(lake, frame)
    return Run(lake, tmp_path_factory.mktemp("run"))


def test_parts_follow_each_other_in_time(run: Run) -> None:
    parts = [run.part(name) for name in windows.PARTS]
    for earlier, later in pairwise(parts):
        assert earlier["event_time"].max() < later["event_time"].min()
    rows = [len(part) for part in parts]
    assert rows[0] / sum(rows) == pytest.approx(0.6, abs=0.02)
    assert rows[1] / sum(rows) == pytest.approx(0.2, abs=0.02)


def test_only_labels_known_by_as_of_are_used(run: Run, frame: pd.DataFrame) -> None:
    window = frame[frame["event_time"] < "2013-01-22"]
    known = window[window["label_time"] <= "2013-01-22"]
    assert 0 < len(known) < (window["outcome"] == "arrived").sum()
    found = pd.concat([run.part(name) for name in windows.PARTS])
    assert set(found["flight_id"]) == set(known["flight_id"])
    late = known.set_index("flight_id")["arrival_delay_minutes"] >= 15
    labels = found.set_index("flight_id")["label"]
    assert (labels == late.astype(float).reindex(labels.index)).all()
    rows = run.document("statistics.json")["rows"]
    assert rows["events"] == len(window)
    assert rows["unlabelled"] == len(window) - len(known)


def test_statistics_agree_with_the_tables(run: Run) -> None:
    statistics = run.document("statistics.json")
    for name in windows.PARTS:
        part = run.part(name)
        assert statistics["rows"][name] == len(part)
        assert statistics["positives"][name] == part["label"].sum()
    train = run.part("train")
    for name, share in statistics["nulls"].items():
        assert share == pytest.approx(train[name].isna().mean(), abs=1e-12)


def test_encodings_and_baseline_see_the_train_part_only(
    run: Run, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cut = run.part("validation")["event_time"].min()
    changed = frame.copy()
    later = changed["event_time"] >= cut
    changed.loc[later, "arrival_delay_minutes"] = 500
    changed.loc[later, ["carrier", "temperature_f"]] = ["ZZ", 120.0]
    lake = tmp_path_factory.mktemp("changed")
    spark_jobs.write_lake(lake, changed)
    other = Run(lake, tmp_path_factory.mktemp("run"))
    assert other.part("holdout")["label"].all()
    for name in ("feature_spec.json", "baseline.json"):
        assert other.document(name) == run.document(name)


def test_target_means_are_smoothed_means(run: Run, frame: pd.DataFrame) -> None:
    train = run.part("train")
    joined = train[["flight_id", "label"]].merge(frame[["flight_id", "carrier"]], on="flight_id")
    overall = joined["label"].mean()
    spec = {one["name"]: one for one in run.document("feature_spec.json")["features"]}
    assert spec["carrier"]["default"] == pytest.approx(overall)
    for carrier, rows in joined.groupby("carrier"):
        expected = (rows["label"].sum() + 20 * overall) / (len(rows) + 20)
        assert spec["carrier"]["mapping"][carrier] == pytest.approx(expected)


def test_baseline_counts_every_train_row(run: Run) -> None:
    baseline = run.document("baseline.json")
    train = run.part("train")
    assert list(baseline["features"]) == NAMES
    for name, one in baseline["features"].items():
        if one["kind"] == "number":
            assert one["edges"] == sorted(set(one["edges"]))
            edges = [-float("inf"), *one["edges"], float("inf")]
            expected = pd.cut(train[name], edges).value_counts(sort=False).tolist()
            assert one["counts"] == expected
        else:
            assert sum(one["values"].values()) + one["other"] + one["nulls"] == len(train)


def test_holdout_keeps_raw_categories(run: Run, frame: pd.DataFrame) -> None:
    holdout = run.part("holdout").set_index("flight_id")
    carriers = frame.set_index("flight_id")["carrier"].reindex(holdout.index)
    assert (holdout["raw_carrier"] == carriers).all()
    assert "raw_carrier" not in run.part("train")


def test_a_window_without_labels_says_so(frame: pd.DataFrame, tmp_path: Path) -> None:
    spark_jobs.write_lake(tmp_path, frame)
    with pytest.raises(SystemExit, match="no labelled event"):
        Run(tmp_path, tmp_path / "run", as_of="2012-12-31T00:00:00Z", window_end=AS_OF)


def test_arguments_ignore_what_glue_adds() -> None:
    given = ["--JOB_NAME", "x", "--as_of", "latest", "--enable-metrics", "--window_start", ""]
    parsed = arguments.parse(given, ["as_of"], ["window_start"])
    assert parsed == {"as_of": "latest"}
    with pytest.raises(SystemExit, match="--output_run"):
        arguments.parse(given, ["as_of", "output_run"])
