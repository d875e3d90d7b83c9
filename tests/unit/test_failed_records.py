"""Firehose's error output, without Spark: envelopes on a line, types by folder, forms by type."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from config.contract import example_record
from config.load import load_deployment
from core import records
from glue_jobs.failed import Failed, envelopes, output_type, validate

RECORD = load_deployment("dev").contract["event"]
PSEUDONYMISE = records.pseudonymiser(b"k" * 32)
SENT = json.dumps(example_record(RECORD)).encode()


def _stored(**changes: Any) -> bytes:
    found = records.validate(SENT, RECORD, PSEUDONYMISE)
    assert isinstance(found, records.Valid)
    return json.dumps(found.values | changes).encode()


def _envelope(raw: bytes, code: str = "x") -> str:
    return json.dumps({"rawData": base64.b64encode(raw).decode(), "errorCode": code})


@pytest.mark.parametrize("between", ["", " ", "\t"])
def test_envelopes_that_share_a_line_are_all_read(between: str) -> None:
    line = between.join(_envelope(raw) for raw in (b"a", b"b", b"c"))
    found = [failed.raw for failed in envelopes(line.encode(), "processing-failed")]
    assert found == [b"a", b"b", b"c"]


def test_what_is_no_envelope_is_kept_as_it_is() -> None:
    found = list(envelopes((_envelope(b"a") + "{broken").encode(), "format-conversion-failed"))
    assert found == [Failed(b"a", transformed=True), Failed(b"{broken", transformed=False)]


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"a":' * 100_000, b"caf\xe9", b"\xff\xfe{"])
def test_a_line_that_nobody_can_read_is_kept_byte_for_byte(line: bytes) -> None:
    assert list(envelopes(line, "processing-failed")) == [Failed(line, transformed=False)]


def test_an_envelope_says_when_its_record_arrived() -> None:
    label = load_deployment("dev").contract["label"]
    raw = json.dumps({**example_record(label), "label_time": "2013-01-01T12:06:00Z"}).encode()
    whole = json.loads(_envelope(raw)) | {"arrivalTimestamp": 1_357_041_600_000}
    (failed,) = envelopes(json.dumps(whole).encode(), "processing-failed")
    found = validate(failed, label, PSEUDONYMISE)
    assert isinstance(found, records.Invalid)
    assert found.code == "after_arrival"
    (undated,) = envelopes(_envelope(raw).encode(), "processing-failed")
    assert isinstance(validate(undated, label, PSEUDONYMISE), records.Valid)


@pytest.mark.parametrize(
    ("kind", "code", "transformed"),
    [
        ("processing-failed", "Lambda.FunctionError", False),
        ("format-conversion-failed", "", True),
        ("format-conversion-failed", "DataFormatConversion.MalformedData", True),
        ("a-type-of-later-years", "Later.Failed", True),
        ("", "Lambda.FunctionError", False),
    ],
)
def test_the_type_says_how_far_a_record_came(kind: str, code: str, transformed: bool) -> None:
    (found,) = envelopes(_envelope(b"a", code).encode(), kind)
    assert found.transformed is transformed


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("s3://raw/errors/events/processing-failed/2026-11-28/part", "processing-failed"),
        ("s3://raw/errors/events/processing-failed/2013/01/01/00/part", "processing-failed"),
        ("file:///t/errors/x/errors/events/format-conversion-failed/2026-11-28/part",
         "format-conversion-failed"),
        ("s3://raw/errors/events/part", ""),
        ("s3://raw/stream/events/part", ""),
    ],
)  # fmt: skip
def test_the_type_is_the_folder_below_the_stream_s_errors(path: str, kind: str) -> None:
    assert output_type(path, "s3://raw/errors/events/") == kind


@pytest.mark.parametrize("raw", [SENT, _stored(), b"not json"], ids=["sent", "stored", "junk"])
def test_a_type_that_is_not_known_loses_and_admits_nothing(raw: bytes) -> None:
    """What keeps the contract in either form is valid, in the form in which it is stored."""
    (failed,) = envelopes(_envelope(raw).encode(), "a-type-of-later-years")
    found = validate(failed, RECORD, PSEUDONYMISE)
    if raw == b"not json":
        assert isinstance(found, records.Invalid)
    else:
        assert isinstance(found, records.Valid)
        assert found.values == json.loads(_stored())


def test_a_stored_record_is_valid_as_it_is() -> None:
    stored = _stored()
    found = validate(Failed(stored, transformed=True), RECORD, PSEUDONYMISE)
    assert isinstance(found, records.Valid)
    assert found.values == json.loads(stored)


def test_a_stored_record_is_not_valid_where_originals_are() -> None:
    found = validate(Failed(_stored(), transformed=False), RECORD, PSEUDONYMISE)
    assert isinstance(found, records.Invalid)


@pytest.mark.parametrize(
    "changes",
    [
        {"day_of_week": 9}, {"tail_number": "N12345"}, {"event_time": "2013-01-01"},
        {"unknown": 1},
    ],
    ids=["out of range", "in clear", "no time", "unknown field"],
)  # fmt: skip
def test_a_stored_record_still_keeps_the_contract(changes: dict[str, Any]) -> None:
    failed = Failed(_stored(**changes), transformed=True)
    assert isinstance(validate(failed, RECORD, PSEUDONYMISE), records.Invalid)
