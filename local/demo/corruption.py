"""Faults planted in the stream on purpose, by a rule anybody can repeat.

A record is chosen and its fault decided by the SHA-256 of its bytes, so the same records are
spoiled in every run and at every scale. The faults come from the contract, not from field names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from local.demo.ledger import Outgoing

ONE_IN = 100
"""One record in this many is spoiled or repeated."""

RULE = (
    f"one record in {ONE_IN}, chosen by the SHA-256 of its bytes, and spoiled in one of five ways: "
    "missing field, wrong type, out of range, not JSON, sent twice"
)


def encode(record: dict[str, Any]) -> bytes:
    """A record as a producer sends it: compact JSON in UTF-8, without a newline."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


def _spoilable(contract: dict[str, Any]) -> list[dict[str, Any]]:
    event = contract["event"]
    special = {event["id_field"], event["time_field"]}
    return [f for f in event["fields"] if f["required"] and f["name"] not in special]


def _missing_field(record: dict[str, Any], contract: dict[str, Any], pick: int) -> bytes:
    fields = _spoilable(contract)
    name = fields[pick % len(fields)]["name"]
    return encode({key: value for key, value in record.items() if key != name})


def _wrong_type(record: dict[str, Any], contract: dict[str, Any], pick: int) -> bytes:
    fields = [f for f in _spoilable(contract) if f["type"] in ("integer", "number")]
    return encode(record | {fields[pick % len(fields)]["name"]: "a number"})


def _out_of_range(record: dict[str, Any], contract: dict[str, Any], pick: int) -> bytes:
    fields = [f for f in _spoilable(contract) if "maximum" in f]
    field = fields[pick % len(fields)]
    return encode(record | {field["name"]: field["maximum"] + 1})


def _not_json(record: dict[str, Any], _contract: dict[str, Any], _pick: int) -> bytes:
    raw = encode(record)
    return raw[: len(raw) // 2]


FAULTS: tuple[tuple[str, Callable[[dict[str, Any], dict[str, Any], int], bytes] | None], ...] = (
    ("missing_field", _missing_field),
    ("wrong_type", _wrong_type),
    ("out_of_range", _out_of_range),
    ("not_json", _not_json),
    ("duplicate", None),
)


def with_faults(records: Iterable[dict[str, Any]], contract: dict[str, Any]) -> Iterator[Outgoing]:
    """Encode event records in order, spoiling or repeating those that the rule chooses."""
    for record in records:
        raw = encode(record)
        digest = int.from_bytes(hashlib.sha256(raw).digest()[:8], "big")
        if digest % ONE_IN:
            yield Outgoing(raw)
            continue
        pick = digest // ONE_IN
        name, spoil = FAULTS[pick % len(FAULTS)]
        if spoil is None:
            yield Outgoing(raw)
            yield Outgoing(raw, "sender", name)
        else:
            yield Outgoing(spoil(record, contract, pick // len(FAULTS)), "original", name)
