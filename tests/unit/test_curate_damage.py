"""One file, record or table that is wrong never stops its neighbours in the curate job."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import AnalysisException

from core.records import identifier
from glue_jobs import contents, merge
from local import flights
from tests.support.lake import (
    EVENT,
    KEY,
    Lake,
    envelope,
    lake,
    lines,
    month,
    valid_rows,
)
from tests.support.spark_jobs import CONTRACT, jvm

__all__ = ["jvm", "lake", "month"]

LABEL = CONTRACT["label"]
DAY = 86_400


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def json_lines(found: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in found)


def test_files_that_nobody_can_read_are_rejected_and_all_others_curated(
    lake: Lake, month: flights.Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glue_jobs.files.LARGEST_FILE", 100_000)
    text = json_lines(month.events[:3])
    landing = lake.root / "landing/events"
    bad = {
        "cut.jsonl.gz": gzip.compress(text)[:-20],
        "plain.jsonl.gz": text,
        "sub/plain.jsonl.snappy": text,
        "no.parquet": b"not Parquet",
        "avro.jsonl": b"Obj\x01" + bytes(40),
        "empty file.jsonl": b"",
        "empty again.jsonl": b"",
    }
    for name, content in bad.items():
        put(landing / name, content)
    put(landing / "large.jsonl", json_lines(month.events * 10)[:200_000])
    put(landing / "good.jsonl.gz", gzip.compress(json_lines(month.events[3:6])))
    put(landing / "wörd %20.jsonl", json_lines(month.events[6:]))
    put(landing / "folder_$folder$", b"")
    put(lake.root / "landing/labels/good.jsonl", json_lines(month.labels))
    for _ in range(2):
        lake.run()
        wanted = [one["flight_id"] for one in month.events[3:]]
        assert sorted(lake.table("events")["flight_id"]) == sorted(wanted)
        assert len(lake.table("labels")) == len(month.labels)
        rejected = lake.table("rejected")
        assert set(rejected["code"]) == {"unreadable_file"}
        found = {
            row["source_object"].partition("/landing/events/")[2]: row
            for _, row in rejected.iterrows()
        }
        assert set(found) == {*bad, "large.jsonl"}
        for name, content in bad.items():
            assert found[name]["record_id"] == identifier(KEY, "flight_id")(content)
            assert found[name]["detail"].startswith(f"{len(content)} bytes: ")
        assert found["large.jsonl"]["record_id"].startswith("file:")
        assert "allowed: 100000 bytes" in found["large.jsonl"]["detail"]


def test_what_spark_passes_over_is_rejected_unless_it_is_an_empty_marker(
    lake: Lake, month: flights.Month
) -> None:
    text = json_lines(month.events[:3])
    hidden = [
        "_a.jsonl", ".b.jsonl", "_sub/c.jsonl", "sub/.d/e.jsonl", "_SUCCESS", "_%20 ö.jsonl.gz",
        "f.jsonl._COPYING_", "._metadata", "_metadata", "sub/_common_metadata",
    ]  # fmt: skip
    landing = lake.root / "landing/events"
    for name in hidden:
        put(landing / name, text)
    for marker in ("_STARTED", "sub/_SUCCESS", ".keep", "sub_$folder$", "_sub/empty.jsonl"):
        put(landing / marker, b"")
    for name, one in (
        ("_day=1/_x=1.jsonl", 3), ("c/_metadata/a", 4), ("b=1/c._COPYING_.jsonl", 5), ("a_.b", 6),
    ):  # fmt: skip
        put(landing / name, json_lines([month.events[one]]))
    put(lake.root / "landing/labels/_only.jsonl", json_lines(month.labels))
    for _ in range(2):
        lake.run()
        wanted = [one["flight_id"] for one in month.events[3:7]]
        assert sorted(lake.table("events")["flight_id"]) == sorted(wanted)
        assert lake.snapshots("labels") == 0
        rejected = lake.table("rejected")
        assert set(rejected["code"]) == {"unreadable_file"}
        found = {
            one["source_object"].partition("/landing/")[2]: one
            for one in rejected.to_dict("records")
        }
        assert set(found) == {*(f"events/{name}" for name in hidden), "labels/_only.jsonl"}
        for one in found.values():
            assert one["record_id"] == f"file:{one['source_object']}"
            assert "the file is hidden from Spark; allowed: a name " in one["detail"]
        assert found["events/_a.jsonl"]["detail"].startswith(f"{len(text)} bytes: ")


def test_markers_alone_are_no_input(lake: Lake) -> None:
    put(lake.root / "landing/events/_SUCCESS", b"")
    put(lake.root / "landing/labels/.keep", b"")
    lake.run()
    assert lake.table("rejected").empty
    assert lake.snapshots("events") == 0


def test_a_name_of_which_spark_reads_the_line_is_read(lake: Lake, month: flights.Month) -> None:
    put(lake.root / "landing/events/_day=1.jsonl", json_lines(month.events))
    lake.run()
    assert len(lake.table("events")) == len(month.events)


def test_lines_are_bytes_as_in_a_stream(lake: Lake, month: flights.Month) -> None:
    """Not UTF-8: refused under the id that the transform's error output gives it."""
    good, raw = month.events[0], json.dumps(month.events[1]).encode()
    latin = raw.replace(b'"EWR"', b'"EW\xe9"').replace(b'"JFK"', b'"JF\xe9"')
    latin = latin if latin != raw else raw.replace(b'"LGA"', b'"LG\xe9"')
    put(lake.root / "landing/events/a.jsonl", b"\n".join([latin, json.dumps(good).encode()]))
    lines(lake.root / "errors/events/processing-failed/2013-01-01/part", [envelope(latin)])
    lake.run()
    assert list(lake.table("events")["flight_id"]) == [good["flight_id"]]
    rejected = lake.table("rejected").sort_values("origin")
    assert list(rejected["origin"]) == ["error_output", "landing"]
    assert list(rejected["code"]) == ["not_json", "not_json"]
    assert set(rejected["record_id"]) == {identifier(KEY, "flight_id")(latin)}


def test_a_label_is_no_later_than_its_file(lake: Lake, month: flights.Month) -> None:
    path = lake.root / "landing/labels/a.jsonl"
    put(path, json_lines([one | {"label_time": "2013-03-01T00:00:00Z"} for one in month.labels]))
    february = pd.Timestamp("2013-02-01", tz="UTC").timestamp()
    for modified, valid in ((february, 0), (february + 28 * DAY, len(month.labels))):
        os.utime(path, (modified, modified))
        lake.run()
        rejected = lake.table("rejected")
        assert len(rejected) == len(month.labels) - valid
        assert set(rejected["code"]) == ({"after_arrival"} if not valid else set())
    assert len(lake.table("labels")) == len(month.labels)


def test_times_that_were_stored_before_the_bounds_stop_nothing(
    lake: Lake, month: flights.Month
) -> None:
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows[1:], EVENT)
    fields = [field["name"] for field in EVENT["fields"]]
    old = pa.table({
        name: pa.array(
            [pd.Timestamp("0001-01-01").to_pydatetime()] if name == "weather_observed_at"
            else [pd.Timestamp(rows[0][name]).to_pydatetime()] if name == "event_time"
            else [rows[0].get(name)],
            {"bigint": pa.int64(), "double": pa.float64(), "timestamp": pa.timestamp("us")}
            .get(field["glue_type"], pa.string()),
        )
        for name, field in zip(fields, EVENT["fields"], strict=True)
    })  # fmt: skip
    target = lake.root / "stream/events/arrived=2013-01-01"
    target.mkdir()
    pq.write_table(old, target / "ancient.parquet", use_deprecated_int96_timestamps=True)
    lake.run()
    lake.run()
    assert lake.rows("events") == len(rows)


def test_a_damaged_file_of_one_stream_is_named_and_everything_else_curated(
    lake: Lake, month: flights.Month
) -> None:
    events = valid_rows(month.events, EVENT)
    lake.deliver("events", events[:5], EVENT)
    lake.deliver("events", events[5:], EVENT)
    lake.deliver("labels", valid_rows(month.labels, LABEL), LABEL)
    whole = sorted((lake.root / "stream/events").rglob("*.parquet"))
    put(whole[0].parent / "no parquet.parquet", b"not Parquet at all, but long enough to look at")
    put(whole[1].parent / "cut.parquet", whole[1].read_bytes()[:-30])
    for _ in range(2):
        lake.run()
        assert len(lake.table("events")) == len(events)
        assert len(lake.table("labels")) == len(month.labels)
        rejected = lake.table("rejected")
        assert set(rejected["code"]) == {"unreadable_file"}
        assert set(rejected["origin"]) == {"stream"}
        names = {Path(one).name for one in rejected["source_object"]}
        assert names == {"no parquet.parquet", "cut.parquet"}
        assert any("is not a Parquet file" in one for one in rejected["detail"])


def test_a_type_that_changed_is_no_damage(lake: Lake, month: flights.Month) -> None:
    """Each record is rejected with its field, not the file: none is lost, and none half read."""
    columns = ["flight_id", "event_time", "distance_miles"]
    found = pd.DataFrame(month.events)[columns].astype({"distance_miles": str})
    found["event_time"] = pd.to_datetime(found["event_time"]).dt.as_unit("us")
    target = lake.root / "stream/events/arrived=2013-01-01/part.parquet"
    target.parent.mkdir(parents=True)
    found.to_parquet(target)
    put(lake.root / "landing/labels/a.jsonl", json_lines(month.labels))
    lake.run()
    assert len(lake.table("labels")) == len(month.labels)
    rejected = lake.table("rejected")
    assert set(rejected["record_id"]) == set(found["flight_id"])
    assert set(rejected["code"]) == {"wrong_type"}
    assert set(rejected["field"]) == {"distance_miles"}


def test_a_table_that_cannot_be_written_does_not_hold_up_the_other(
    lake: Lake, month: flights.Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job fails after all else is done, and what it could not take in comes next time."""
    put(lake.root / "landing/events/a.jsonl", json_lines(month.events))
    put(lake.root / "landing/labels/a.jsonl", json_lines(month.labels))
    put(lake.root / "landing/labels/b.gz", b"plain")
    original = merge.merge

    def failing(spark: Any, table: Any, *arguments: Any) -> None:
        if table.name.endswith(".events"):
            raise AnalysisException("there is no room")
        original(spark, table, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(merge, "merge", failing)
        with pytest.raises(SystemExit, match="events could not be curated: there is no room"):
            lake.run()
    assert len(lake.table("labels")) == len(month.labels)
    assert list(lake.table("rejected")["code"]) == ["unreadable_file"]
    assert lake.table("deliveries").empty, "a note of one stream would hide old news of the other"
    lake.run()
    assert list(lake.table("rejected")["code"]) == ["unreadable_file"]
    assert len(lake.table("events")) == len(month.events)
    assert len(lake.table("labels")) == len(month.labels)
    assert len(json_lines(month.events)) < contents.LARGEST_FILE
