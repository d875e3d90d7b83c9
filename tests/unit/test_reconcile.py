"""Reconciliation: recounted from objects, decided on sets, copies split by origin."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from local.demo.ledger import Ledger, Outgoing
from local.demo.objects import Lake
from local.demo.reconcile import CountsDifferError, Found, Zones, assert_agrees, count, find

ZONES = Zones(raw="raw-zone", landing="landing-zone", curated="curated-zone")
ID = "flight_id"
KEY = b"k" * 32


def _raw(record: str) -> bytes:
    return json.dumps({ID: record}).encode()


def _ledger(*records: Outgoing) -> Ledger:
    ledger = Ledger({"events": ID, "labels": ID}, lambda: KEY)
    ledger.accept("events", records)
    return ledger


def _found(**changes: Any) -> Found:
    empty = Found(backup=[], delivered=[], errors=[], landing=[], curated_rows=[], rejected={})
    return replace(empty, **changes)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="eu-west-1")
        for bucket in (ZONES.raw, ZONES.landing, ZONES.curated):
            client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        yield client


def _put_table(s3: Any, key: str, rows: list[dict[str, Any]], bucket: str = ZONES.curated) -> None:
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), body)
    s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())


def test_every_kind_of_object_is_read(s3: Any) -> None:
    lines = _raw("a") + b"\n" + _raw("b") + b"\n" + b'{"flight_id": "c\n'
    s3.put_object(Bucket=ZONES.raw, Key="backup/events/2013/01/1", Body=gzip.compress(lines))
    envelope = {"rawData": base64.b64encode(b'{"flight_id": "c').decode(), "errorCode": "x"}
    s3.put_object(
        Bucket=ZONES.raw,
        Key="errors/events/processing-failed/2026-11-28/1",
        Body=json.dumps(envelope) + "\n",
    )
    s3.put_object(Bucket=ZONES.landing, Key="events/file.jsonl", Body=_raw("d"))
    _put_table(s3, "stream/events/arrived=2026-11-28/1.parquet", [{ID: "a"}, {ID: "b"}], ZONES.raw)
    _put_table(s3, "events/event_date=2013-01-01/1.parquet", [{ID: "a"}])
    s3.put_object(Bucket=ZONES.curated, Key="events/_SUCCESS", Body=b"")
    _put_table(
        s3,
        "rejected/1.parquet",
        [
            {"stream": "events", "record_id": "b", "code": "missing"},
            {"stream": "labels", "record_id": "z", "code": "missing"},
        ],
    )
    found = find(Lake(s3, KEY), ZONES, "events", ID)
    assert found.backup[:2] == ["a", "b"]
    assert found.backup[2] == found.errors[0]
    assert found.errors[0].startswith("hmac:")
    assert (found.landing, found.delivered, found.curated_rows) == (["d"], ["a", "b"], ["a"])
    assert found.rejected == {"b": "missing"}


def test_a_file_that_nobody_can_read_counts_as_one_record(s3: Any) -> None:
    cut = gzip.compress(_raw("x") * 100)[:-9]
    s3.put_object(Bucket=ZONES.landing, Key="events/cut.jsonl.gz", Body=cut)
    s3.put_object(Bucket=ZONES.landing, Key="events/good.jsonl", Body=_raw("a"))
    ledger = _ledger(Outgoing(_raw("a")), Outgoing(cut))
    lake = Lake(s3, KEY)
    before = count(ledger, "events", find(lake, ZONES, "events", ID))
    assert (before.pending, before.agrees) == (2, True)
    (identity,) = {entry.record_id for entry in ledger.entries} - {"a"}
    rejected = {"stream": "events", "code": "unreadable_file"}
    _put_table(s3, "events/event_date=2013-01-01/1.parquet", [{ID: "a"}])
    s3.put_object(Bucket=ZONES.raw, Key="stream/events/x.parquet", Body=b"not Parquet")
    _put_table(
        s3,
        "rejected/1.parquet",
        [{**rejected, "record_id": name} for name in (identity, "file:s3://raw/x.parquet")],
    )
    after = count(ledger, "events", find(lake, ZONES, "events", ID))
    assert (after.curated, after.rejected, after.pending, after.agrees) == (1, 1, 0, True)


def test_a_hidden_file_stays_pending_and_an_empty_marker_is_none(s3: Any) -> None:
    s3.put_object(Bucket=ZONES.landing, Key="events/_late.jsonl", Body=_raw("a"))
    s3.put_object(Bucket=ZONES.landing, Key="events/_STARTED", Body=b"")
    s3.put_object(Bucket=ZONES.landing, Key="events/.keep", Body=b"")
    row = {"stream": "events", "code": "unreadable_file", "record_id": "file:s3://landing/_late"}
    _put_table(s3, "rejected/1.parquet", [row])
    found = count(_ledger(Outgoing(_raw("a"))), "events", find(Lake(s3, KEY), ZONES, "events", ID))
    assert (found.rejected, found.pending, found.agrees) == (0, 1, True)


def test_both_sides_agree_when_every_id_is_somewhere() -> None:
    ledger = _ledger(*(Outgoing(_raw(name)) for name in "abcd"))
    result = count(
        ledger,
        "events",
        _found(backup=list("abcd"), delivered=list("abd"), errors=["c"], curated_rows=list("ab"),
               rejected={"c": "missing"}),
    )  # fmt: skip
    assert (result.sent, result.curated, result.rejected, result.pending) == (4, 2, 1, 1)
    assert result.agrees
    assert_agrees({"events": result}, settled=False)
    with pytest.raises(CountsDifferError, match="1 pending"):
        assert_agrees({"events": result})


def test_a_lost_and_an_invented_record_do_not_cancel_out() -> None:
    ledger = _ledger(Outgoing(_raw("a")), Outgoing(_raw("b")))
    result = count(ledger, "events", _found(curated_rows=["a", "x"]))
    assert result.sent == result.accounted
    assert not result.agrees
    with pytest.raises(CountsDifferError, match=r"missing \['b'\], never sent \['x'\]"):
        assert_agrees({"events": result})


def test_a_repeat_in_the_curated_table_is_an_error() -> None:
    result = count(_ledger(Outgoing(_raw("a"))), "events", _found(curated_rows=["a", "a"]))
    assert result.curated == result.sent == 1
    assert not result.agrees


def test_an_id_both_curated_and_rejected_counts_once() -> None:
    found = _found(curated_rows=["a"], rejected={"a": "missing"})
    result = count(_ledger(Outgoing(_raw("a"))), "events", found)
    assert (result.curated, result.rejected, result.agrees) == (1, 0, True)


def test_duplicates_are_split_by_origin() -> None:
    ledger = _ledger(
        Outgoing(_raw("once")),
        Outgoing(_raw("twice")),
        Outgoing(_raw("twice"), "sender", "duplicate"),
        Outgoing(_raw("replayed")),
        Outgoing(_raw("replayed"), "replay"),
    )
    delivered = ["once", "once", "twice", "twice", "replayed", "replayed", "replayed"]
    result = count(ledger, "events", _found(delivered=delivered))
    assert result.duplicates == 4
    assert result.duplicates_by_origin == {"sender": 1, "delivery": 2, "replay": 1}
    assert ledger.by_origin("events") == {"sender": 1, "replay": 1}
    assert ledger.by_fault("events") == {"duplicate": 1}


def test_a_stream_nobody_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: events, labels"):
        _ledger().accept("other", [])


def test_a_changed_object_is_read_again(s3: Any) -> None:
    lake = Lake(s3, KEY)
    s3.put_object(Bucket=ZONES.raw, Key="backup/events/1", Body=_raw("a"))
    assert lake.line_ids(ZONES.raw, "backup/", ID) == ["a"]
    s3.put_object(Bucket=ZONES.raw, Key="backup/events/1", Body=_raw("b"))
    s3.put_object(Bucket=ZONES.raw, Key="backup/events/2", Body=_raw("c"))
    assert lake.line_ids(ZONES.raw, "backup/", ID) == ["b", "c"]
    s3.delete_object(Bucket=ZONES.raw, Key="backup/events/1")
    assert lake.line_ids(ZONES.raw, "backup/", ID) == ["c"]
