"""Reconciliation: recounted from objects, decided on sets, copies split by origin."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from pyiceberg.catalog import Catalog

from local import iceberg_tables
from local.demo.ledger import Ledger, Outgoing
from local.demo.objects import Lake
from local.demo.reconcile import CountsDifferError, Found, Zones, assert_agrees, count, find
from tests.support import iceberg_writing

ZONES = Zones(raw="raw-zone", landing="landing-zone", database="lake")
CURATED = "curated-zone"
REGION = "eu-west-1"
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


class Written:
    """Zones and tables, with a reader of them."""

    def __init__(self) -> None:
        self.s3 = self.client("s3")
        self.catalog: Catalog = iceberg_writing.catalog(self.client)
        for bucket in (ZONES.raw, ZONES.landing, CURATED):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        self.catalog.create_namespace(ZONES.database)
        for name, key in (("events", ID), ("labels", ID), ("rejected", "stream")):
            self._born(name, key)
        self.lake = Lake(self.client, KEY)

    @staticmethod
    def client(service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def _born(self, name: str, key: str) -> None:
        """A table as the template makes it: its key, and no row."""
        place = f"s3://{CURATED}/{name}"
        schema = pa.schema([(key, pa.string())])
        self.catalog.create_table((ZONES.database, name), schema, location=place)

    def add(self, name: str, *rows: dict[str, str]) -> None:
        """Append rows, whose fields the table then has."""
        table, given = self.catalog.load_table((ZONES.database, name)), pa.Table.from_pylist(rows)
        with table.update_schema() as change:
            change.union_by_name(given.schema)
        table.append(given)

    def put(self, zone: str, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=zone, Key=key, Body=body)

    def found(self) -> Found:
        return find(self.lake, ZONES, "events", ID)


@pytest.fixture
def written() -> Iterator[Written]:
    with mock_aws():
        yield Written()


def _parquet(*rows: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), body)
    return body.getvalue()


def _rejected(record_id: str, code: str = "missing", stream: str = "events") -> dict[str, str]:
    return {"stream": stream, "record_id": record_id, "code": code}


def test_every_kind_of_object_is_read(written: Written) -> None:
    lines = _raw("a") + b"\n" + _raw("b") + b"\n" + b'{"flight_id": "c\n'
    written.put(ZONES.raw, "backup/events/2013/01/1", gzip.compress(lines))
    envelope = {"rawData": base64.b64encode(b'{"flight_id": "c').decode(), "errorCode": "x"}
    failed = json.dumps(envelope).encode() + b"\n"
    written.put(ZONES.raw, "errors/events/processing-failed/2026-11-28/1", failed)
    written.put(ZONES.landing, "events/file.jsonl", _raw("d"))
    delivered = _parquet({ID: "a"}, {ID: "b"})
    written.put(ZONES.raw, "stream/events/arrived=2026-11-28/1.parquet", delivered)
    written.add("events", {ID: "a"})
    old = _rejected("old", "expired")
    written.add("rejected", _rejected("b"), old, _rejected("z", stream="labels"))
    found = written.found()
    assert found.backup[:2] == ["a", "b"]
    assert found.backup[2] == found.errors[0]
    assert found.errors[0].startswith("hmac:")
    assert (found.landing, found.delivered, found.curated_rows) == (["d"], ["a", "b"], ["a"])
    assert found.rejected == {"b": "missing", "old": "expired"}


def test_a_table_is_read_again_when_it_changed_and_only_then(written: Written) -> None:
    """As it is: what was deleted does not count, though its file may still be there."""
    assert written.found().curated_rows == []
    written.add("events", {ID: "a"}, {ID: "b"})
    with mock.patch.object(iceberg_tables, "rows", wraps=iceberg_tables.rows) as read:
        assert [sorted(written.found().curated_rows) for _ in range(3)] == [["a", "b"]] * 3
        assert read.call_count == 1
        written.catalog.load_table((ZONES.database, "events")).delete(f"{ID} = 'a'")
        assert written.found().curated_rows == ["b"]
        assert read.call_count == 2


def test_a_file_that_nobody_can_read_counts_as_one_record(written: Written) -> None:
    cut = gzip.compress(_raw("x") * 100)[:-9]
    written.put(ZONES.landing, "events/cut.jsonl.gz", cut)
    written.put(ZONES.landing, "events/good.jsonl", _raw("a"))
    ledger = _ledger(Outgoing(_raw("a")), Outgoing(cut))
    before = count(ledger, "events", written.found())
    assert (before.pending, before.agrees) == (2, True)
    (identity,) = {entry.record_id for entry in ledger.entries} - {"a"}
    written.add("events", {ID: "a"})
    written.put(ZONES.raw, "stream/events/x.parquet", b"not Parquet")
    refused = (identity, "file:s3://raw/x.parquet")
    written.add("rejected", *(_rejected(name, "unreadable_file") for name in refused))
    after = count(ledger, "events", written.found())
    assert (after.curated, after.rejected, after.pending, after.agrees) == (1, 1, 0, True)


def test_a_hidden_file_stays_pending_and_an_empty_marker_is_none(written: Written) -> None:
    written.put(ZONES.landing, "events/_late.jsonl", _raw("a"))
    written.put(ZONES.landing, "events/_STARTED", b"")
    written.put(ZONES.landing, "events/.keep", b"")
    written.add("rejected", _rejected("file:s3://landing/_late", "unreadable_file"))
    found = count(_ledger(Outgoing(_raw("a"))), "events", written.found())
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


def test_a_changed_object_is_read_again(written: Written) -> None:
    lake, raw = written.lake, ZONES.raw
    written.put(raw, "backup/events/1", _raw("a"))
    assert lake.line_ids(raw, "backup/", ID) == ["a"]
    written.put(raw, "backup/events/1", _raw("b"))
    written.put(raw, "backup/events/2", _raw("c"))
    assert lake.line_ids(raw, "backup/", ID) == ["b", "c"]
    written.s3.delete_object(Bucket=raw, Key="backup/events/1")
    assert lake.line_ids(raw, "backup/", ID) == ["c"]
