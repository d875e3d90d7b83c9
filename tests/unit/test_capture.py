"""Odd captured requests and labels: counted by reason, never fatal to the monitor."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_code import tasks
from model_code.monitoring import capture, monitor
from tests.support.captures import WINDOW, line, write_capture
from tests.support.spark_jobs import CONTRACT

EVENT, TASK = CONTRACT["event"], tasks.of(CONTRACT)
GOOD: dict[str, Any] = {
    "flight_id": "2013-04-03T00:01Z_AA_9_EWR",
    "event_time": "2013-04-03 00:01:00",
    "carrier": "AA",
    "temperature_f": 39.0,
    "distance_miles": 1400,
}
BASELINE = {
    "version": 2,
    "days": [f"2013-01-{day:02}" for day in range(1, 15)],
    "features": {
        "temperature_f": {"kind": "number", "edges": [0.0], "counts": [70, 70], "nulls": 0,
                          "by_day": [[5, 5, 0]] * 14},
        "carrier": {"kind": "category", "values": ["AA"], "counts": [70, 0], "nulls": 0,
                    "by_day": [[5, 0, 0]] * 14},
    },
}  # fmt: skip


def asked(*records: Any, probability: Any = 0.25) -> dict[str, Any]:
    """One captured request about records of any kind."""
    whole = json.loads(line([GOOD] * len(records), [0.25] * len(records), {}, "2026-11-21T07"))
    whole["captureData"]["endpointInput"]["data"] = json.dumps({"instances": list(records)})
    answers = [{"record_id": f"id-{n}", "probability": probability} for n in range(len(records))]
    whole["captureData"]["endpointOutput"] = {
        "encoding": "JSON", "data": json.dumps({"predictions": answers}),
    }  # fmt: skip
    return whole  # type: ignore[no-any-return]


def examined(folder: Path, lines: list[str]) -> dict[str, Any]:
    write_capture(folder, "champion", lines)
    reference = monitor.Reference("", BASELINE, None)
    return monitor.examine(CONTRACT, WINDOW, capture.read(folder, TASK), {}, reference)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event_time": None}, "missing event_time"),
        ({"event_time": "soon"}, "wrong_type event_time"),
        ({"event_time": 1365000000}, "wrong_type event_time"),
        ({"event_time": "0001-01-01 00:00:00"}, "too_early event_time"),
        ({"temperature_f": "warm"}, "wrong_type temperature_f"),
        ({"temperature_f": float("nan")}, "not_json temperature_f"),
        ({"temperature_f": float("inf")}, "not_json temperature_f"),
        ({"temperature_f": 1e39}, "out_of_range temperature_f"),
        ({"temperature_f": 10**400}, "out_of_range temperature_f"),
        ({"temperature_f": {"value": 39}}, "wrong_type temperature_f"),
        ({"distance_miles": True}, "wrong_type distance_miles"),
        ({"carrier": ["AA"]}, "wrong_type carrier"),
        ({"carrier": 7}, "wrong_type carrier"),
        ({"carrier": "\ud800"}, "wrong_type carrier"),
    ],
)
def test_an_odd_record_is_counted_and_its_neighbours_are_used(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    report = examined(tmp_path, [json.dumps(asked(GOOD, GOOD | change, GOOD))])
    assert report["unreadable"] == {reason: 1}
    assert (report["counts"]["unreadable"], report["counts"]["captured"]) == (1, 2)


@pytest.mark.parametrize("record", [None, "AA", 7, [GOOD], [], True])
def test_a_record_that_is_no_object_is_counted(tmp_path: Path, record: Any) -> None:
    report = examined(tmp_path, [json.dumps(asked(record, GOOD))])
    assert report["unreadable"] == {"not_object": 1}
    assert report["counts"]["captured"] == 1


@pytest.mark.parametrize("probability", [None, "0.5", True, -0.1, 1.1, float("nan"), [0.5]])
def test_an_answer_that_is_no_probability_is_counted(tmp_path: Path, probability: Any) -> None:
    report = examined(tmp_path, [json.dumps(asked(GOOD, probability=probability))])
    assert report["unreadable"] == {"answer is no probability": 1}


def _without(*path: str) -> str:
    whole = asked(GOOD)
    inside: Any = whole
    for name in path[:-1]:
        inside = inside[name]
    del inside[path[-1]]
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not_json"),
        ("[" * 100_000, "not_json"),
        ("[]", "not_object"),
        ("null", "not_object"),
        ("{}", "missing captureData"),
        (_without("captureData", "endpointOutput"), "missing endpointOutput"),
        (_without("captureData", "endpointInput", "data"), "missing data"),
        (_without("eventMetadata", "inferenceTime"), "missing inferenceTime"),
        (json.dumps(asked(GOOD)).replace('instances\\"', 'rows\\"'), "missing instances"),
        (json.dumps(asked(GOOD)).replace("JSON", "BASE64"), "data is not base64"),
    ],
)
def test_a_request_that_is_none_is_counted_by_its_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    report = examined(tmp_path, [text, json.dumps(asked(GOOD))])
    assert report["unreadable"] == {reason: 1}
    assert (report["counts"]["requests"], report["counts"]["captured"]) == (2, 1)


def test_a_record_of_another_version_is_used(tmp_path: Path) -> None:
    """With a field that is gone, without one that is new, and beyond a limit of today."""
    old = {**GOOD, "gone": [1], "temperature_f": 5000.5, "distance_miles": 0.5}
    report = examined(tmp_path, [json.dumps(asked(old))])
    assert (report["unreadable"], report["counts"]["captured"]) == ({}, 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(f["name"] for f in EVENT["fields"])), json_values))
def test_no_captured_record_stops_the_monitor(changes: dict[str, Any]) -> None:
    found = capture.Captured()
    capture._add(found, json.dumps(asked(GOOD | changes, GOOD)).encode(), "champion", TASK)
    reference = monitor.Reference("", BASELINE, None)
    report = monitor.examine(CONTRACT, WINDOW, found, {}, reference)
    assert report["counts"]["captured"] <= 2
    assert len(found.predictions) + found.unreadable == 2


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_captured_line_stops_the_monitor(raw: bytes) -> None:
    found = capture.Captured()
    capture._add(found, raw, "champion", TASK)
    assert found.predictions == []


def write_labels(folder: Path, rows: list[tuple[Any, Any, Any]]) -> None:
    frame = pd.DataFrame(rows, columns=["flight_id", "label_time", "arrival_delay_minutes"])
    frame["label_time"] = pd.to_datetime(frame["label_time"]).astype("datetime64[us]")
    folder.mkdir()
    frame.to_parquet(folder / "part.parquet", index=False)


def test_labels_of_tomorrow_or_without_a_value_do_not_count(tmp_path: Path) -> None:
    write_labels(
        tmp_path / "labels",
        [("late", "2013-04-04", 30), ("early", "2013-04-04", -3), ("tomorrow", "2013-05-02", 30),
         ("without value", "2013-04-04", None), ("without time", None, 30),
         (None, "2013-04-04", 30)],
    )  # fmt: skip
    now = datetime(2013, 5, 1, tzinfo=UTC)
    assert monitor.labels(tmp_path / "labels", CONTRACT, now) == {"late": 1.0, "early": 0.0}


def test_nothing_but_odd_labels_is_no_label(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels", [("a", None, None)])
    found = monitor.labels(tmp_path / "labels", copy.deepcopy(CONTRACT), datetime.now(UTC))
    assert found == {}
