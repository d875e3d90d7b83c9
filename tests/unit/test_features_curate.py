"""The curate job, run on files as Firehose and people leave them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from local import flights
from tests.support.lake import (
    EVENT,
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
    firehose_parquet(streamed, EVENT, lake.root / "events_stream")
    firehose_parquet(streamed[:5], EVENT, lake.root / "events_stream")
    firehose_parquet(
        valid_rows(month.labels, CONTRACT["label"]), CONTRACT["label"], lake.root / "labels_stream"
    )
    bad = {**events[0], "flight_id": "2013-01-01T10:15Z_UA_1_EWR", "day_of_week": 9}
    errors = [envelope(json.dumps(one).encode()) for one in failed]
    errors += [envelope(json.dumps(bad).encode()), envelope(b"\xff not json"), "no envelope"]
    lines(lake.root / "errors/events/processing-failed/2013/01/01/00/part", errors)
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
    firehose_parquet(streamed, EVENT, lake.root / "events_stream")
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
    firehose_parquet(rows[1:], EVENT, lake.root / "events_stream")
    forged = [envelope(returned(rows[0]))]
    lines(lake.root / "errors/events/processing-failed/2013/01/01/00/part", forged)
    lines(lake.root / "landing/events/batch.jsonl", [returned(rows[0]).decode().strip()])
    lake.run()
    assert rows[0]["flight_id"] not in set(lake.table("events")["flight_id"])
    assert set(lake.table("rejected")["record_id"]) == {rows[0]["flight_id"]}


def test_an_original_among_the_transformed_is_checked_like_any_other(
    lake: Lake, month: flights.Month
) -> None:
    good, bad = month.events[0], {**month.events[1], "day_of_week": 9}
    found = [converted_envelope(json.dumps(one).encode()) for one in (good, bad)]
    lines(lake.root / "errors/events/format-conversion-failed/2013/01/01/00/part", found)
    lake.run()
    table = lake.table("events")
    assert list(table["flight_id"]) == [good["flight_id"]]
    assert all(value.startswith("p_") for value in table["tail_number"].dropna())
    assert list(lake.table("rejected")["code"]) == ["out_of_range"]


def test_a_replay_writes_nothing(lake: Lake, month: flights.Month) -> None:
    firehose_parquet(valid_rows(month.events, EVENT), EVENT, lake.root / "events_stream")
    lake.run()
    before = lake.files("events")
    firehose_parquet(valid_rows(month.events[:9], EVENT), EVENT, lake.root / "events_stream")
    lake.run()
    assert lake.files("events") == before


def test_only_dates_with_news_are_written(lake: Lake, month: flights.Month) -> None:
    rows = valid_rows(month.events, EVENT)
    firehose_parquet(rows[:-1], EVENT, lake.root / "events_stream")
    lake.run()
    before = lake.files("events")
    firehose_parquet(rows[-1:], EVENT, lake.root / "events_stream")
    lake.run()
    date = rows[-1]["event_time"][:10]
    changed = set(lake.files("events").items() - before.items())
    assert changed and all(f"event_date={date}" in path for path, _ in changed)
    assert len(lake.table("events")) == len(rows)


@pytest.mark.parametrize("first", [0, 1])
def test_the_later_record_wins_in_either_order(
    lake: Lake, month: flights.Month, first: int
) -> None:
    label = CONTRACT["label"]
    old = valid_rows(month.labels[:1], label)[0]
    corrected = {**old, "label_time": "2013-02-03 04:05:00", "arrival_delay_minutes": 99}
    for row in ([old, corrected], [corrected, old])[first]:
        firehose_parquet([row], label, lake.root / "labels_stream")
        lake.run()
    table = lake.table("labels")
    assert list(table["arrival_delay_minutes"]) == [99]
    assert list(table["event_date"].astype(str)) == ["2013-02-03"]


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
    firehose_parquet(rows, EVENT, lake.root / "events_stream")
    lake.run()
    before = lake.table("events")
    contract = typed("aircraft_seats", "number")
    (lake.root / "contract.json").write_text(json.dumps(contract))
    newest = rows[0] | {"flight_id": "2013-01-01T10:15Z_ZZ_1_EWR", "aircraft_seats": 12.5}
    firehose_parquet([newest], contract["event"], lake.root / "events_stream")
    lake.run()
    after = lake.table("events").set_index("flight_id")["aircraft_seats"]
    assert str(after.dtype) == "float64"
    assert after.pop(newest["flight_id"]) == 12.5
    expected = before.set_index("flight_id")["aircraft_seats"].astype(float)
    assert after.sort_index().equals(expected.sort_index())
    assert lake.table("rejected").empty
    files = lake.files("events")
    lake.run()
    assert lake.files("events") == files, "once the table has the new types, nothing changes"


def test_a_number_that_is_no_integer_is_rejected_from_old_files(
    lake: Lake, month: flights.Month
) -> None:
    was = typed("aircraft_seats", "number")["event"]
    first, second = valid_rows(month.events[:2], EVENT)
    rows = [first | {"aircraft_seats": 149.0}, second | {"aircraft_seats": 12.5}]
    firehose_parquet(rows, was, lake.root / "events_stream")
    lake.run()
    found = lake.table("events")
    assert found[["flight_id", "aircraft_seats"]].to_numpy().tolist() == [[first["flight_id"], 149]]
    (rejected,) = lake.table("rejected").to_dict("records")
    assert rejected["record_id"] == second["flight_id"]
    assert (rejected["code"], rejected["field"]) == ("wrong_type", "aircraft_seats")
    assert (rejected["origin"], rejected["stream"]) == ("stored", "events")


def test_no_file_of_the_old_type_stays_in_the_table(lake: Lake, month: flights.Month) -> None:
    """Who reads the table by the contract's types would stop at it."""
    was = typed("aircraft_seats", "number")
    (lake.root / "contract.json").write_text(json.dumps(was))
    first, *_, last = valid_rows(month.events, EVENT)
    rows = [first | {"aircraft_seats": 149.0}, last | {"aircraft_seats": 12.5}]
    firehose_parquet(rows, was["event"], lake.root / "events_stream")
    lake.run()
    assert len(lake.table("events")) == 2
    (lake.root / "contract.json").write_text(json.dumps(CONTRACT))
    lake.run()
    assert lake.table("events")["flight_id"].tolist() == [first["flight_id"]]
    assert len(lake.files("events")) == 1
