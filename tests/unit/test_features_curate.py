"""The curate job, run on files as Firehose and people leave them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pandas as pd
import pytest

from glue_jobs import arrivals, files, merge, rejections, schema_evolution
from local import flights
from tests.support.lake import (
    CORRECTION_DAYS,
    EVENT,
    TODAY,
    Lake,
    envelope,
    firehose_parquet,
    lake,
    lines,
    month,
    valid_rows,
)
from tests.support.spark_jobs import CONTRACT, jvm

__all__ = ["jvm", "lake", "month"]


def converted_envelope(raw: bytes) -> str:
    """Firehose's envelope of a record that does not fit the table, whose members differ."""
    return json.dumps(
        {
            "attemptsMade": 1,
            "arrivalTimestamp": 1,
            "lastErrorCode": "DataFormatConversion.MalformedData",
            "lastErrorMessage": "the record does not fit",
            "attemptEndingTimestamp": 1,
            "rawData": base64.b64encode(raw).decode(),
            "sequenceNumber": "1",
            "subSequenceNumber": None,
            "dataCatalogTable": {"tableName": "events_stream"},
        }
    )


def returned(values: dict[str, Any]) -> bytes:
    """A record as the transform function gives it back to Firehose."""
    return json.dumps(values).encode() + b"\n"


def test_sources_merge_without_loss_or_duplicates(lake: Lake, month: flights.Month) -> None:
    events = month.events
    rows = valid_rows(events, EVENT)
    streamed, failed, landed = rows[:-6], events[-6:-3], events[-3:]
    lake.deliver("events", streamed, EVENT)
    lake.deliver("events", streamed[:5], EVENT)
    lake.deliver("labels", valid_rows(month.labels, CONTRACT["label"]), CONTRACT["label"])
    bad = {**events[0], "flight_id": "2013-01-01T10:15Z_UA_1_EWR", "day_of_week": 9}
    errors = [envelope(json.dumps(one).encode()) for one in failed]
    errors += [envelope(json.dumps(bad).encode()), envelope(b"\xff not json"), "no envelope"]
    lines(lake.root / "errors/events/processing-failed/2013-01-01/part", errors)
    lines(lake.root / "landing/events/batch.jsonl", [json.dumps(one) for one in landed])

    lake.run()

    table = lake.table("events")
    assert sorted(table["flight_id"]) == sorted(one["flight_id"] for one in events)
    assert set(table["tail_number"].dropna()) == {
        row["tail_number"] for row in rows if "tail_number" in row
    }
    assert len(lake.table("labels")) == len(month.labels)
    rejected = lake.table("rejected")
    assert sorted(rejected["code"]) == ["not_json", "not_json", "out_of_range"]
    out_of_range = rejected[rejected["code"] == "out_of_range"].iloc[0]
    assert (out_of_range["record_id"], out_of_range["field"], out_of_range["origin"]) == (
        bad["flight_id"],
        "day_of_week",
        "error_output",
    )
    assert out_of_range["source_object"].endswith("/part")


def test_what_failed_after_the_transform_is_curated_as_it_is(
    lake: Lake, month: flights.Month
) -> None:
    """Nothing is lost, nothing rejected, nothing pseudonymised a second time."""
    rows = valid_rows(month.events, EVENT)
    unknown, misfit, streamed = rows[:4], rows[4:9], rows[9:]
    lake.deliver("events", streamed, EVENT)
    errors = lake.root / "errors/events"
    for kind, found in (
        ("a-type-of-later-years", [envelope(returned(row)) for row in unknown]),
        ("format-conversion-failed", [converted_envelope(returned(row)) for row in misfit]),
    ):
        lines(errors / kind / "2013-01-01/part", found)

    lake.run()

    table = lake.table("events")
    assert sorted(table["flight_id"]) == sorted(one["flight_id"] for one in month.events)
    assert set(table["tail_number"].dropna()) == {
        row["tail_number"] for row in rows if "tail_number" in row
    }
    assert len(lake.table("rejected")) == 0


def test_a_record_that_only_looks_transformed_is_rejected(lake: Lake, month: flights.Month) -> None:
    """A producer who sends stored times and a pseudonym of his own is refused by the function."""
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows[1:], EVENT)
    forged = [envelope(returned(rows[0]))]
    lines(lake.root / "errors/events/processing-failed/2013-01-01/part", forged)
    lines(lake.root / "landing/events/batch.jsonl", [returned(rows[0]).decode().strip()])
    lake.run()
    assert rows[0]["flight_id"] not in set(lake.table("events")["flight_id"])
    assert set(lake.table("rejected")["record_id"]) == {rows[0]["flight_id"]}


def test_an_original_among_the_transformed_is_checked_like_any_other(
    lake: Lake, month: flights.Month
) -> None:
    good, bad = month.events[0], {**month.events[1], "day_of_week": 9}
    found = [converted_envelope(json.dumps(one).encode()) for one in (good, bad)]
    lines(lake.root / "errors/events/format-conversion-failed/2013-01-01/part", found)
    lake.run()
    table = lake.table("events")
    assert list(table["flight_id"]) == [good["flight_id"]]
    assert all(value.startswith("p_") for value in table["tail_number"].dropna())
    assert list(lake.table("rejected")["code"]) == ["out_of_range"]


def test_a_replay_writes_nothing(lake: Lake, month: flights.Month) -> None:
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows, EVENT)
    lake.run()
    lake.deliver("events", rows[:9], EVENT)
    lake.run()
    assert lake.snapshots("events") == 1
    assert len(lake.table("deliveries")) == 2


def test_only_dates_with_news_are_written(lake: Lake, month: flights.Month) -> None:
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows[:-1], EVENT)
    lake.run()
    before = lake.data_files("events")
    lake.deliver("events", rows[-1:], EVENT)
    lake.run()
    after = lake.data_files("events")
    assert before.items() <= after.items()
    assert [str(after[path]) for path in after.keys() - before.keys()] == [
        rows[-1]["event_time"][:10]
    ]
    assert len(lake.table("events")) == len(rows)


def test_a_run_reads_what_arrived_since_the_last_one(
    lake: Lake, month: flights.Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each object once, whatever its name; one that came late, and one that was put again."""
    opened: list[str] = []
    for module, name in ((files, "_contents"), (schema_evolution, "_kinds")):
        monkeypatch.setattr(module, name, _noting(opened, getattr(module, name)))
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows[:5], EVENT)
    landed = lake.root / "landing/events/sub/batch.jsonl"
    lines(landed, [json.dumps(one) for one in month.events[5:8]])
    lake.run()
    assert {one.rpartition("/")[2] for one in opened} == {"delivery-0.parquet", "batch.jsonl"}
    opened.clear()
    lake.run()
    assert not opened
    late = lake.root / f"stream/events/arrived={TODAY - timedelta(days=1)}"
    firehose_parquet(rows[8:9], EVENT, lake.root / "elsewhere")
    late.mkdir()
    next((lake.root / "elsewhere").rglob("*.parquet")).rename(late / "late.parquet")
    lines(landed, [json.dumps(one) for one in month.events[5:10]])
    old = lake.root / f"stream/events/arrived={TODAY - timedelta(days=9)}"
    old.mkdir()
    (old / "of another time.parquet").write_bytes(b"nobody looks here")
    lake.run()
    assert {one.rpartition("/")[2] for one in opened} == {"late.parquet", "batch.jsonl"}
    wanted = [one["flight_id"] for one in month.events[:10]]
    assert sorted(lake.table("events")["flight_id"]) == sorted(wanted)


def _noting(opened: list[str], original: Any) -> Any:
    def noted(spark: Any, found: Any) -> Any:
        opened.extend(getattr(one, "path", one) for one in found)
        return original(spark, found)

    return noted


def test_a_run_that_was_killed_is_repeated_without_loss_or_doubles(
    lake: Lake, month: flights.Month
) -> None:
    """Before any commit, between the tables, and before the objects are noted as taken."""
    lake.deliver("events", valid_rows(month.events, EVENT), EVENT)
    lake.deliver("labels", valid_rows(month.labels, CONTRACT["label"]), CONTRACT["label"])
    bad = {**month.events[0], "flight_id": "2013-01-01T10:15Z_UA_1_EWR", "day_of_week": 9}
    lines(lake.root / "landing/events/bad.jsonl", [json.dumps(bad)])
    for module, name, call in (
        (merge, "merge", 1), (merge, "merge", 2), (rejections, "write", 1), (arrivals, "record", 1),
    ):  # fmt: skip
        dying = mock.patch.object(module, name, _dying(getattr(module, name), call))
        with dying, pytest.raises(KeyboardInterrupt):
            lake.run()
        assert len(lake.table("deliveries")) == 0
    lake.run()
    assert sorted(lake.table("events")["flight_id"]) == sorted(e["flight_id"] for e in month.events)
    assert sorted(lake.table("labels")["flight_id"]) == sorted(e["flight_id"] for e in month.labels)
    assert list(lake.table("rejected")["record_id"]) == [bad["flight_id"]]
    assert len(lake.table("deliveries")) == 3


def _dying(original: Any, call: int) -> Any:
    """It dies at this call, before anything is done."""
    calls = iter(range(1, 9))

    def dying(*arguments: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments)

    return dying


def test_what_is_too_old_goes_and_does_not_come_back(lake: Lake, month: flights.Month) -> None:
    """By its own time, against the newest row: a lake of long ago keeps what it has."""
    (lake.root / "contract.json").write_text(
        json.dumps(CONTRACT | {"retention_days": {"event": 10, "label": 10}})
    )
    rows = sorted(valid_rows(month.events, EVENT), key=lambda one: str(one["event_time"]))
    newest = pd.Timestamp(rows[-1]["event_time"]).normalize()
    old = [one for one in rows if pd.Timestamp(one["event_time"]) < newest - pd.Timedelta(days=10)]
    assert 0 < len(old) < len(rows)
    lake.deliver("events", rows, EVENT)
    lake.run()
    kept = sorted(one["flight_id"] for one in rows[len(old) :])
    assert sorted(lake.table("events")["flight_id"]) == kept
    lake.deliver("events", old[:3] + rows[-3:], EVENT)
    lake.run()
    assert sorted(lake.table("events")["flight_id"]) == kept
    rejected = lake.table("rejected")
    assert sorted(rejected["record_id"]) == sorted(one["flight_id"] for one in old[:3])
    assert set(rejected["code"]) == {"expired"}


def test_an_id_far_from_what_arrived_is_not_looked_for(lake: Lake, month: flights.Month) -> None:
    """It makes a second row: to look through all history for each id would cost by history."""
    label = CONTRACT["label"]
    first, *_ = valid_rows(month.labels, label)
    start = pd.Timestamp(first["label_time"])
    for days in (CORRECTION_DAYS, 2 * CORRECTION_DAYS + 1):
        moved = start + pd.Timedelta(days=days)
        lake.deliver("labels", [first], label)
        lake.run()
        first = {**first, "label_time": str(moved)}
    lake.deliver("labels", [first], label)
    lake.run()
    times = sorted(pd.to_datetime(lake.table("labels")["label_time"]))
    assert times == [start + pd.Timedelta(days=45), start + pd.Timedelta(days=91)]


@pytest.mark.parametrize("first", [0, 1])
def test_the_later_record_wins_in_either_order(
    lake: Lake, month: flights.Month, first: int
) -> None:
    label = CONTRACT["label"]
    old = valid_rows(month.labels[:1], label)[0]
    corrected = {**old, "label_time": "2013-02-03 04:05:00", "arrival_delay_minutes": 99}
    for row in ([old, corrected], [corrected, old])[first]:
        lake.deliver("labels", [row], label)
        lake.run()
    table = lake.table("labels")
    assert list(table["arrival_delay_minutes"]) == [99]
    assert [str(moment) for moment in table["label_time"]] == ["2013-02-03 04:05:00"]
    assert "2013-02-03" in map(str, lake.data_files("labels").values())


def typed(name: str, kind: str) -> dict[str, Any]:
    """The contract with another type for one field of the event."""
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    (field,) = (one for one in contract["event"]["fields"] if one["name"] == name)
    field |= {"type": kind, "glue_type": {"number": "double", "integer": "bigint"}[kind]}
    return contract


def test_an_integer_that_became_a_number_is_read_from_old_files(
    lake: Lake, month: flights.Month
) -> None:
    rows = valid_rows(month.events, EVENT)
    lake.deliver("events", rows, EVENT)
    lake.run()
    before = lake.table("events")
    contract = typed("aircraft_seats", "number")
    (lake.root / "contract.json").write_text(json.dumps(contract))
    newest = rows[0] | {"flight_id": "2013-01-01T10:15Z_ZZ_1_EWR", "aircraft_seats": 12.5}
    lake.deliver("events", [newest], contract["event"])
    lake.run()
    after = lake.table("events").set_index("flight_id")["aircraft_seats"]
    assert str(after.dtype) == "float64"
    assert after.pop(newest["flight_id"]) == 12.5
    expected = before.set_index("flight_id")["aircraft_seats"].astype(float)
    assert after.sort_index().equals(expected.sort_index())
    assert lake.table("rejected").empty
    before = lake.snapshots("events")
    lake.run()
    assert lake.snapshots("events") == before, "once the table has the new types, nothing changes"


def test_a_number_that_is_no_integer_is_rejected_from_old_files(
    lake: Lake, month: flights.Month
) -> None:
    was = typed("aircraft_seats", "number")["event"]
    first, second = valid_rows(month.events[:2], EVENT)
    rows = [first | {"aircraft_seats": 149.0}, second | {"aircraft_seats": 12.5}]
    lake.deliver("events", rows, was)
    lake.run()
    found = lake.table("events")
    assert found[["flight_id", "aircraft_seats"]].to_numpy().tolist() == [[first["flight_id"], 149]]
    (rejected,) = lake.table("rejected").to_dict("records")
    assert rejected["record_id"] == second["flight_id"]
    assert (rejected["code"], rejected["field"]) == ("wrong_type", "aircraft_seats")
    assert (rejected["origin"], rejected["stream"]) == ("stored", "events")


def test_a_number_of_the_table_that_is_no_integer_is_rejected(
    lake: Lake, month: flights.Month
) -> None:
    """The contract made an integer of it; rows that fit stay, and the others are told."""
    was = typed("aircraft_seats", "number")
    (lake.root / "contract.json").write_text(json.dumps(was))
    first, *_, last = valid_rows(month.events, EVENT)
    rows = [first | {"aircraft_seats": 149.0}, last | {"aircraft_seats": 12.5}]
    lake.deliver("events", rows, was["event"])
    lake.run()
    assert len(lake.table("events")) == 2
    (lake.root / "contract.json").write_text(json.dumps(CONTRACT))
    lake.run()
    assert lake.table("events")["flight_id"].tolist() == [first["flight_id"]]
    (rejected,) = lake.table("rejected").to_dict("records")
    assert (rejected["record_id"], rejected["code"]) == (last["flight_id"], "wrong_type")


def test_a_column_comes_and_goes_with_the_contract(lake: Lake, month: flights.Month) -> None:
    """What was written under the earlier version stays; the other version's rows have null."""
    contract = json.loads(json.dumps(CONTRACT))
    *fields, gone = contract["event"]["fields"]
    contract["event"]["fields"] = fields
    assert not gone["required"]
    (lake.root / "contract.json").write_text(json.dumps(contract))
    rows = valid_rows(month.events, EVENT)
    lake.deliver(
        "events", [{k: v for k, v in rows[0].items() if k != gone["name"]}], contract["event"]
    )
    lake.run()
    assert gone["name"] not in lake.table("events")
    (lake.root / "contract.json").write_text(json.dumps(CONTRACT))
    has = next(one for one in rows[1:] if one.get(gone["name"]) is not None)
    lake.deliver("events", [has], EVENT)
    lake.run()
    (lake.root / "contract.json").write_text(json.dumps(contract))
    lake.deliver("events", rows[-1:], contract["event"])
    lake.run()
    found = lake.table("events").set_index("flight_id")[gone["name"]]
    assert found[has["flight_id"]] == has[gone["name"]]
    assert found.drop(has["flight_id"]).isna().all()
    assert len(found) == 3
