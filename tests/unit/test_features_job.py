"""The features job on three weeks of real flights."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.checks import shown
from core.moments import moment
from glue_jobs import arguments, features, session, tables, windows
from local import flights
from model_code.monitoring import drift
from tests.support import spark_jobs
from tests.support.features_job import AS_OF, Run
from tests.support.spark_jobs import CONTRACT, Lake, jvm

__all__ = ["jvm"]

ASKED = {
    "as_of": "latest", "window_days": "1", "validation_share": "0.2", "holdout_share": "0.2",
}  # fmt: skip
NAMES = [feature["name"] for feature in CONTRACT["features"]]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    sampled = flights.sample(flights.prepare(), 0.1)
    return sampled[sampled["event_time"] < "2013-01-24"]


@pytest.fixture(scope="module")
def lake(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return spark_jobs.write_lake(tmp_path_factory.mktemp("lake"), frame)


@pytest.fixture(scope="module")
def run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(lake, tmp_path_factory.mktemp("run"))


def test_parts_follow_each_other_in_time(run: Run) -> None:
    parts = [run.part(name) for name in windows.PARTS]
    for earlier, later in pairwise(parts):
        assert earlier["event_time"].max() < later["event_time"].min()
    rows = [len(part) for part in parts]
    assert rows[0] / sum(rows) == pytest.approx(0.6, abs=0.02)
    assert rows[1] / sum(rows) == pytest.approx(0.2, abs=0.02)


def test_only_labels_known_by_as_of_are_used(lake: Lake, frame: pd.DataFrame) -> None:
    """The events' window is given, so that some of its labels are not known yet."""
    output = lake.root.with_name("given")
    run = Run(lake, output, window_start="2013-01-01T00:00:00Z", window_end=AS_OF)
    window = frame[frame["event_time"] < "2013-01-22"]
    known = window[window["label_time"] <= "2013-01-22"]
    assert 0 < len(known) < (window["outcome"] == "arrived").sum()
    found = pd.concat([run.part(name) for name in windows.PARTS])
    assert set(found["flight_id"]) == set(known["flight_id"])
    late = known.set_index("flight_id")["arrival_delay_minutes"] >= 15
    labels = found.set_index("flight_id")["__label"]
    assert (labels == late.astype(float).reindex(labels.index)).all()
    rows = run.document("statistics.json")["rows"]
    assert rows["events"] == len(window)
    assert rows["unlabelled"] == len(window) - len(known)


def test_the_window_ends_where_labels_are_complete(run: Run, frame: pd.DataFrame) -> None:
    """In its last hours only flights that landed early had a label: their rate would be too low."""
    latency = pd.Timedelta(hours=CONTRACT["label_latency_hours"])
    window = frame[frame["event_time"] < pd.Timestamp("2013-01-22") - latency]
    found = pd.concat([run.part(name) for name in windows.PARTS])
    assert set(found["flight_id"]) == set(window[window["outcome"] == "arrived"]["flight_id"])
    assert run.document("statistics.json")["window"]["end"] == "2013-01-21T00:00:00Z"


def test_a_label_from_the_future_moves_no_window(frame: pd.DataFrame, tmp_path: Path) -> None:
    lake = spark_jobs.write_lake(tmp_path, frame)
    newest = frame[frame["outcome"] == "arrived"].iloc[[0]].copy()
    newest["label_time"] = pd.Timestamp("2014-06-01")
    spark_jobs.write_labels(lake.database, newest)
    run = Run(lake, tmp_path / "run", as_of="latest", started_at="2014-01-01T00:00:00.5Z")
    last = frame[frame["outcome"] == "arrived"]["label_time"].max()
    as_of = moment(run.document("statistics.json")["window"]["as_of"])
    assert as_of == last.tz_localize("UTC") + pd.Timedelta(microseconds=1)
    assert len(run.part("train"))


def test_all_labels_at_one_instant_are_seen() -> None:
    """Its own time is inside: the window's end is exclusive, and the newest label belongs to it."""
    instant = moment("2013-01-22T00:00:00Z")
    found = windows.window(windows.asked(ASKED), instant, timedelta(0))
    assert found.start <= instant < found.end
    assert found.as_of > instant
    started = windows.asked(ASKED | {"started_at": "2013-01-21T00:00:00Z"})
    assert windows.window(started, instant, timedelta(0)).as_of < instant


def test_train_rows_are_encoded_without_their_own_label(run: Run, frame: pd.DataFrame) -> None:
    """Against means of all other folds, computed anew; later parts follow the specification."""
    spec = {one["name"]: one for one in run.document("feature_spec.json")["features"]}
    train = run.part("train")
    raw = train[["flight_id", "event_time", "__label", "destination"]].merge(
        frame[["flight_id", "destination"]], on="flight_id", suffixes=("", "_value")
    )
    day = raw["event_time"].dt.tz_localize(None)
    fold = (day.astype("datetime64[s]").astype("int64") // 86_400) % features.FOLDS
    mean = raw["__label"].mean()
    assert set(fold) == set(range(features.FOLDS))
    for number in range(features.FOLDS):
        others, mine = raw[fold != number], raw[fold == number]
        overall = others["__label"].mean()
        sums = others.groupby("destination_value")["__label"].agg(["sum", "count"])
        means = (sums["sum"] + 20 * overall) / (sums["count"] + 20)
        expected = mine["destination_value"].map(means + mean - overall).fillna(mean)
        assert np.allclose(mine["destination"], expected, rtol=0, atol=1e-12)
    validation = run.part("validation").merge(
        frame[["flight_id", "carrier"]], on="flight_id", suffixes=("", "_value")
    )
    known = validation["carrier_value"].map(spec["carrier"]["mapping"])
    assert (validation["carrier"] == known.fillna(spec["carrier"]["default"])).all()


def test_statistics_agree_with_the_tables(run: Run) -> None:
    statistics = run.document("statistics.json")
    for name in windows.PARTS:
        part = run.part(name)
        assert statistics["rows"][name] == len(part)
        assert statistics["labels"][name] == {"positives": part["__label"].sum()}
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
    lake = spark_jobs.write_lake(tmp_path_factory.mktemp("changed"), changed)
    other = Run(lake, tmp_path_factory.mktemp("run"))
    assert other.part("holdout")["__label"].all()
    for name in ("feature_spec.json", "baseline.json"):
        assert other.document(name) == run.document(name)


def test_target_means_are_smoothed_means(run: Run, frame: pd.DataFrame) -> None:
    train = run.part("train")
    joined = train[["flight_id", "__label"]].merge(
        frame[["flight_id", "carrier"]].rename(columns={"carrier": "carrier_value"}), on="flight_id"
    )
    overall = joined["__label"].mean()
    spec = {one["name"]: one for one in run.document("feature_spec.json")["features"]}
    assert spec["carrier"]["default"] == pytest.approx(overall)
    for carrier, rows in joined.groupby("carrier_value"):
        expected = (rows["__label"].sum() + 20 * overall) / (len(rows) + 20)
        assert spec["carrier"]["mapping"][carrier] == pytest.approx(expected)


def test_baseline_counts_every_train_row_on_its_day(run: Run, frame: pd.DataFrame) -> None:
    baseline = run.document("baseline.json")
    train = run.part("train")
    assert list(baseline["features"]) == NAMES
    day = train["event_time"].dt.strftime("%Y-%m-%d")
    assert baseline["days"] == sorted(day.unique())
    raw = frame.set_index("flight_id").reindex(train["flight_id"])
    for name, one in baseline["features"].items():
        for index, date in enumerate(baseline["days"]):
            values = raw[name][(day == date).to_numpy()]
            records = [{name: None if pd.isna(value) else value} for value in values]
            assert drift.histogram(one, name, records) == one["by_day"][index], (name, date)
        sums = np.sum(one["by_day"], axis=0).tolist()
        assert [*one["counts"], one["nulls"]] == sums
        assert sum(sums) == len(train)


def test_holdout_keeps_raw_categories(run: Run, frame: pd.DataFrame) -> None:
    holdout = run.part("holdout").set_index("flight_id")
    carriers = frame.set_index("flight_id")["carrier"].reindex(holdout.index)
    assert (holdout["__raw_carrier"] == carriers).all()
    assert "__raw_carrier" not in run.part("train")


def test_the_same_set_can_be_made_again_after_later_merges(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    """Bit for bit, by the snapshots that the first run names."""
    lake = spark_jobs.write_lake(tmp_path, frame)
    first = Run(lake, tmp_path / "first")
    early = frame[frame["outcome"] == "arrived"].head(50)
    spark_jobs.write_labels(lake.database, early.assign(flight_id=early["flight_id"] + "x"))
    spark = session.start("test")
    name = tables.name(lake.database, "events")
    spark.sql(f"DELETE FROM {name} WHERE event_time < timestamp'2013-01-10 00:00:00'")
    other = Run(lake, tmp_path / "other")
    assert len(other.part("train")) < len(first.part("train"))
    held = first.document("statistics.json")["snapshots"]
    assert held["events"] != other.document("statistics.json")["snapshots"]["events"]
    given = {f"{name}_snapshot": str(one) for name, one in held.items()}
    again = Run(lake, tmp_path / "again", **given)
    for part in windows.PARTS:
        files = [sorted((run.output / part).glob("*.parquet")) for run in (first, again)]
        assert len(files[0]) == len(files[1]) == 1
        assert files[0][0].read_bytes() == files[1][0].read_bytes()
    for name in ("feature_spec.json", "statistics.json", "baseline.json"):
        assert first.document(name) == again.document(name)


def test_a_snapshot_that_the_table_has_not_is_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        Run(lake, tmp_path / "run", labels_snapshot="17")
    assert str(ended.value) == (
        '--labels_snapshot is "17"; allowed: the id of a snapshot of labels'
    )


def test_a_window_without_labels_says_so(frame: pd.DataFrame, tmp_path: Path) -> None:
    lake = spark_jobs.write_lake(tmp_path, frame)
    with pytest.raises(SystemExit, match="no labelled event"):
        Run(lake, tmp_path / "run", as_of="2012-12-31T00:00:00Z", window_end=AS_OF)


TIMES = (
    "an ISO 8601 time from 1900-01-01T00:00:00Z to 2261-12-31T23:59:59Z, in UTC if it names no zone"
)
DAYS = "a number above 0, at most 3654"
SHARE = "a number above 0 and below 0.5"


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("as_of", ["yesterday", "Latest", "nan", "1", "true", "1899-12-31T23:59:59Z",
                   "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2013-02-30",
                   "-1", "x" * 400, "2013-01-01T00:00:00Z\n"], f"latest, or {TIMES}"),
        ("started_at", ["latest", "now"], TIMES),
        ("window_start", ["latest", "2013-01-01T25:00:00Z", "-inf"], TIMES),
        ("window_end", ["latest", "tomorrow", "2262-01-01T00:00:00Z"], TIMES),
        ("window_days", ["nan", "inf", "-inf", "-1", "0", "True", "true", "1e400", "3655", "week",
                         "9" * 5000, "--as_of"], DAYS),
        ("validation_share", ["nan", "0", "-0.1", "0.5", "1e400", "False", "half"], SHARE),
        ("holdout_share", ["inf", "0", "1", "50%"], SHARE),
    ],
)  # fmt: skip
def test_an_argument_that_is_none_of_its_kind_ends_the_job_before_spark_starts(
    name: str, values: list[str], allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_name: str) -> None:
        raise AssertionError("Spark was started")

    monkeypatch.setattr("glue_jobs.session.start", start)
    for value in values:
        with pytest.raises(SystemExit) as ended:
            Run(Lake(tmp_path, "none"), tmp_path / "run", **{name: value})
        assert str(ended.value) == f"--{name} is {shown(value)}; allowed: {allowed}"


@pytest.mark.parametrize("name", ["as_of", "window_days", "validation_share", "holdout_share"])
def test_an_empty_argument_is_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"arguments are missing: --{name}"):
        Run(Lake(tmp_path, "none"), tmp_path / "run", **{name: ""})


def test_times_of_arguments_are_utc_unless_they_name_a_zone() -> None:
    for text in ("2013-01-22", "2013-01-22T00:00:00", AS_OF, "2013-01-22T01:00:00+01:00"):
        assert windows.asked(ASKED | {"as_of": text}).as_of == moment(AS_OF)
    assert windows.asked(ASKED | {"window_days": "0.5"}).length == timedelta(hours=12)


def test_arguments_ignore_what_glue_adds() -> None:
    given = ["--JOB_NAME", "x", "--as_of", "latest", "--enable-metrics", "--window_start", ""]
    parsed = arguments.parse(given, ["as_of"], ["window_start"])
    assert parsed == {"as_of": "latest"}
    with pytest.raises(SystemExit, match="--output_run"):
        arguments.parse(given, ["as_of", "output_run"])
