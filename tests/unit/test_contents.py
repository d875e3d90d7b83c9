"""Files of the landing zone as bytes, without Spark: lines, or one reason for the whole file."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.contract import compile_contract, read_contract
from core import records
from core.parsing import BYTE_ORDER_MARK, bare
from core.records import compiled, identifier, pseudonymiser
from glue_jobs import contents, files
from glue_jobs.arrivals import LANDING
from glue_jobs.contents import UnreadableError, lines
from glue_jobs.rejections import Rejected
from lambdas.transform import logic
from tests.support.records import DEPARTURE, FLIGHTS, KEY

RECORD = compile_contract(read_contract(FLIGHTS))["event"]
GOOD = json.dumps(DEPARTURE).encode()
MARK = BYTE_ORDER_MARK.encode()
TWO = GOOD + b"\n" + GOOD + b"\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", TWO),
        ("a", TWO),
        ("a.jsonl", TWO.rstrip()),
        ("a.jsonl", TWO.replace(b"\n", b"\r\n")),
        ("a.jsonl", MARK + TWO),
        ("a.jsonl", (MARK + GOOD + b"\r\n") * 2 + MARK),
        ("a.jsonl", b"\n \n" + TWO + b"\n"),
        ("a.gz", gzip.compress(MARK + TWO, mtime=0)),
        ("a.jsonl.gz", gzip.compress(TWO, mtime=0)),
        ("a.JSONL.GZ", gzip.compress(TWO, mtime=0)),
        ("a.gz", gzip.compress(GOOD + b"\n", mtime=0) + gzip.compress(GOOD + b"\n")),
        ("unnamed", gzip.compress(TWO, mtime=0)),
        ("a.bz2", bz2.compress(TWO)),
    ],
)
def test_lines_are_read(name: str, content: bytes) -> None:
    assert list(lines(content, name)) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b" \r\n\n", "empty"),
        ("a.jsonl", MARK, "empty"),
        ("a.gz", gzip.compress(b"", mtime=0), "empty"),
        ("a.gz", gzip.compress(TWO, mtime=0)[:-5], "damaged or cut"),
        ("a.gz", gzip.compress(TWO, mtime=0)[:5], "damaged or cut"),
        ("a.gz", gzip.compress(TWO, mtime=0)[:-8] + b"12345678", "damaged or cut"),
        ("a.gz", gzip.compress(TWO, mtime=0) + b"more", "damaged or cut"),
        ("a.bz2", bz2.compress(TWO)[:-5], "damaged or cut"),
        ("a.jsonl.gz", TWO, "named .gz and is none"),
        ("a.bz2", gzip.compress(TWO, mtime=0), "named .bz2 and is none"),
        ("a.jsonl.snappy", TWO, "named .snappy and is none"),
        ("a.zst", TWO, "named .zst"),
        ("a.parquet", TWO, "named .parquet"),
        ("a.avro", TWO, "named .avro"),
        ("a.jsonl", b"Obj\x01\x04\x14avro.codec", "Avro"),
        ("a.jsonl", b"PAR1\x15\x00\x15", "Parquet"),
        ("a.jsonl", b"PK\x03\x04\x14", "zip"),
        ("a.jsonl", lzma.compress(TWO), "xz"),
        ("a.jsonl", TWO.decode().encode("utf-16"), "UTF-16"),
    ],
)
def test_what_nobody_can_read_is_one_reason(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        lines(content, name)


def test_what_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LARGEST_EXPANDED", 4 * contents.CHUNK)
    with pytest.raises(UnreadableError, match="unpacks to more"):
        lines(gzip.compress(bytes(8 * contents.CHUNK)), "a.gz")


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LONGEST_LINE", 10)
    assert [len(line) for line in lines(b"x" * 25)] == [10, 10, 5]


def checked(name: str, content: bytes) -> list[tuple[Any, Any]]:
    """What the curate job's workers make of a file of the landing zone."""
    row = {"stream": "events", "origin": LANDING, "folder": "s3://l/events/",
           "source_object": f"s3://l/events/{name}", "modified": 1, "content": content}  # fmt: skip
    return list(files.check([row], RECORD, KEY))  # type: ignore[list-item]


def test_one_bad_line_leaves_its_neighbours_alone() -> None:
    bad = [b"caf\xe9", b"\x00\x01", b"[" * 100_000, b'"\\ud800"', b"NaN", b"{}", b"9" * 5000]
    found = checked("a.jsonl", b"\n".join([GOOD, *bad, GOOD]))
    assert [valid is not None for valid, _ in found] == [True, *[False] * len(bad), True]
    identify = identifier(KEY, "flight_id")
    assert [refused[1] for _, refused in found if refused] == [identify(raw) for raw in bad]


def test_a_bad_file_is_one_row_with_its_size_and_the_reason() -> None:
    cut = gzip.compress(TWO, mtime=0)[:-5]
    ((valid, refused),) = checked("a.gz", cut)
    assert valid is None
    row = Rejected(*refused)
    assert (row.code, row.source_object) == ("unreadable_file", "s3://l/events/a.gz")
    assert row.record_id == identifier(KEY, "flight_id")(cut)
    assert row.detail is not None and row.detail.startswith(f"{len(cut)} bytes: ")


# Whole records, records with some bytes replaced, and any bytes; none holds a line feed.
raws = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=9).map(lambda raw: MARK + raw),
    st.just(GOOD),
    st.just(MARK + GOOD),
    st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=3)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + len(change[1]) :]
    ),
    st.dictionaries(
        st.sampled_from(sorted(DEPARTURE)), st.integers() | st.floats() | st.text(max_size=9)
    ).map(lambda changes: json.dumps(DEPARTURE | changes).encode()),
).map(lambda raw: raw.replace(b"\n", b" "))


@settings(max_examples=300)
@given(st.lists(raws, min_size=1, max_size=6))
def test_transform_and_curate_agree_on_any_bytes(found: list[bytes]) -> None:
    """The same records are valid, with the same values; refused ones have the same id and code."""
    # A file's first bytes may say what it is; behind a valid record they cannot.
    found = [GOOD, *found]
    outcomes = [
        logic._outcome(_sent(raw), compiled(RECORD), pseudonymiser(KEY))
        for raw in found
        if bare(raw)
    ]
    curated = checked("a.jsonl", b"\n".join(found))
    assert len(curated) == len(outcomes)
    identify = identifier(KEY, "flight_id")
    kept = [raw for raw in found if bare(raw)]
    for raw, outcome, (valid, refused) in zip(kept, outcomes, curated, strict=True):
        if isinstance(outcome, records.Valid):
            assert valid == files.values(outcome, RECORD)
        else:
            assert refused[1:4] == (identify(raw), outcome.code, outcome.field)


def _sent(raw: bytes) -> dict[str, Any]:
    return {"recordId": "r", "data": base64.b64encode(raw).decode()}


@given(st.binary(max_size=300), st.sampled_from(["a.jsonl", "a.gz", "a.bz2", "a.snappy", "a"]))
def test_any_file_is_lines_or_one_reason(content: bytes, name: str) -> None:
    for head in (b"", b"\x1f\x8b\x08", b"BZh9"):
        for valid, refused in checked(name, head + content):
            assert (valid is None) != (refused is None)
