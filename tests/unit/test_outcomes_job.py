"""The outcomes job on a week of real flights, and the monitor that reads what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

from core import names
from core.moments import moment
from glue_jobs import outcomes, session, tables
from local import flights
from model_code.monitoring import monitor
from tests.support import spark_jobs
from tests.support.spark_jobs import CONTRACT, Lake, jvm

__all__ = ["jvm"]

START, END = "2013-01-05T06:30:00Z", "2013-01-08T00:00:00.5Z"
NOW = pd.Timestamp("2014-01-01", tz="UTC").to_pydatetime()
FIELD = CONTRACT["label_rule"]["field"]


class Run:
    """One run of the job and what it wrote."""

    def __init__(self, lake: Lake, output: Path, **given: str) -> None:
        self.output = output
        chosen = {
            "input_contract": f"{lake.root}/contract.json",
            "database": lake.database,
            "window_start": START,
            "window_end": END,
            "output_outcomes": f"{output}/",
            **given,
        }
        outcomes.main([part for name, value in chosen.items() for part in (f"--{name}", value)])

    @property
    def labels(self) -> pd.DataFrame:
        return pd.read_parquet(self.output / names.OUTCOMES_LABELS)

    @property
    def document(self) -> dict[str, Any]:
        return json.loads((self.output / names.OUTCOMES_FILE).read_bytes())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    sampled = flights.sample(flights.prepare(), 0.1)
    return sampled[sampled["event_time"] < "2013-01-10"]


@pytest.fixture(scope="module")
def arrived(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["outcome"] == "arrived"]


@pytest.fixture(scope="module")
def lake(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return spark_jobs.write_lake(tmp_path_factory.mktemp("lake"), frame)


@pytest.fixture(scope="module")
def run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(lake, tmp_path_factory.mktemp("run"))


def _snapshot(lake: Lake, table: str) -> int | None:
    return tables.snapshot(session.start("test"), tables.name(lake.database, table))


def test_events_of_the_window_are_counted(run: Run, frame: pd.DataFrame) -> None:
    start, end = (pd.Timestamp(one).tz_localize(None) for one in (START, END))
    inside = frame[(frame["event_time"] >= start) & (frame["event_time"] < end)]
    assert 0 < len(inside) < len(frame)
    assert run.document["events"] == len(inside)


def test_labels_from_the_window_s_start_on_are_there_as_they_are(
    run: Run, arrived: pd.DataFrame
) -> None:
    wanted = arrived[arrived["label_time"] >= pd.Timestamp(START).tz_localize(None)]
    assert 0 < len(wanted) < len(arrived)
    assert (wanted["label_time"] > pd.Timestamp(END).tz_localize(None)).any()
    found = run.labels
    assert list(found.columns) == ["label_time", "flight_id", FIELD]
    expected = wanted.set_index("flight_id").loc[found["flight_id"]]
    assert len(found) == len(wanted)
    assert (found[FIELD].to_numpy() == expected[FIELD].to_numpy()).all()
    times = found["label_time"].dt.tz_localize(None)
    assert (times.to_numpy() == expected["label_time"].to_numpy()).all()
    assert found.equals(found.sort_values(["label_time", "flight_id"], ignore_index=True))


def test_the_newest_label_and_the_snapshots_are_told(
    run: Run, lake: Lake, arrived: pd.DataFrame
) -> None:
    newest = run.document["newest_label"]
    assert moment(newest) == arrived["label_time"].max().tz_localize("UTC")
    found = {name: _snapshot(lake, name) for name in names.STREAMS}
    assert run.document["snapshots"] == found
    assert None not in found.values()


def test_the_monitor_reads_what_it_wrote(run: Run, arrived: pd.DataFrame) -> None:
    """The same numbers as of all labels and events, for all that happened in the window."""
    known = monitor.labels(run.output / names.OUTCOMES_LABELS, CONTRACT, NOW)
    inside = arrived[arrived["event_time"] >= pd.Timestamp(START).tz_localize(None)]
    late = (inside.set_index("flight_id")[FIELD] >= 15).astype(float).to_dict()
    assert {one: known[one] for one in late} == late
    told = monitor.outcomes(run.output)
    complete = monitor.complete_until(told, CONTRACT)
    latency = pd.Timedelta(hours=CONTRACT["label_latency_hours"])
    assert complete == arrived["label_time"].max().tz_localize("UTC") - latency


def test_the_same_tables_are_the_same_bytes(run: Run, lake: Lake, tmp_path: Path) -> None:
    again = Run(lake, tmp_path)
    (one,), (other,) = (
        list((each.output / names.OUTCOMES_LABELS).glob("*.parquet")) for each in (run, again)
    )
    assert one.read_bytes() == other.read_bytes()
    assert again.document == run.document


def test_a_run_again_replaces_what_the_first_left(lake: Lake, tmp_path: Path) -> None:
    Run(lake, tmp_path)
    later = Run(lake, tmp_path, window_start="2013-01-07T00:00:00Z")
    assert later.labels["label_time"].min() >= pd.Timestamp("2013-01-07")
    assert later.labels["flight_id"].is_unique


def test_a_label_from_the_future_is_not_the_newest(frame: pd.DataFrame, tmp_path: Path) -> None:
    """It is there all the same: the monitor leaves it out by its own clock."""
    lake = spark_jobs.write_lake(tmp_path, frame)
    future = frame[frame["outcome"] == "arrived"].iloc[[0]].copy()
    future["label_time"] = pd.Timestamp("2099-06-01")
    future["flight_id"] = "of tomorrow"
    spark_jobs.write_labels(lake.database, future)
    run = Run(lake, tmp_path / "run")
    newest = frame[frame["outcome"] == "arrived"]["label_time"].max()
    assert moment(run.document["newest_label"]) == newest.tz_localize("UTC")
    assert "of tomorrow" in set(run.labels["flight_id"])
    assert "of tomorrow" not in monitor.labels(run.output / "labels", CONTRACT, NOW)


def test_tables_without_a_snapshot_are_told_so(tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_text(json.dumps(CONTRACT))
    lake = Lake(tmp_path, f"lake_{uuid4().hex[:12]}")
    session.start("test")
    spark_jobs.give_birth(lake.database)
    run = Run(lake, tmp_path / "run")
    assert run.document == {
        "events": None,
        "newest_label": None,
        "snapshots": {"events": None, "labels": None},
    }
    assert monitor.labels(run.output / "labels", CONTRACT, NOW) == {}
    assert monitor.complete_until(monitor.outcomes(run.output), CONTRACT) is None


def test_a_window_without_labels_has_none(lake: Lake, tmp_path: Path) -> None:
    run = Run(lake, tmp_path, window_start="2013-06-01", window_end="2013-07-01")
    assert run.document["events"] == 0
    assert run.document["newest_label"] is not None
    assert monitor.labels(run.output / "labels", CONTRACT, NOW) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window_start": "yesterday"}, '--window_start is "yesterday"; allowed: an ISO 8601 time'),
        ({"window_end": START}, "allowed: a time before 2013-01-05T06:30:00Z, its end"),
        ({"window_end": ""}, "arguments are missing: --window_end"),
    ],
)
def test_a_window_that_is_none_is_told(
    given: dict[str, str], said: str, lake: Lake, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        Run(lake, tmp_path, **given)
    assert said in str(ended.value)
