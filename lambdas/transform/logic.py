"""Turn a batch of Firehose records into a batch of results, one for one.

Firehose matches results by record id: each record must come back exactly once, or the whole batch
is delivered as failed. So nothing that a record holds may raise out of this module, and the answer
must stay below Lambda's 6 MB, beyond which the whole batch would fail as well.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from core.arrivals import arrival
from core.parsing import NotJsonError, parse
from core.records import Invalid, Pseudonymise, RecordValidator, Valid

OK = "Ok"
FAILED = "ProcessingFailed"

# Lambda's synchronous limit is 6 MiB (6,291,556 bytes); keep clear of it.
RESPONSE_BYTES = 6_000_000
# JSON around `recordId` and `data` in one result, for either outcome, rounded up.
RESULT_OVERHEAD_BYTES = 64

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

Result = dict[str, Any]


class Batch(NamedTuple):
    """Results in the order of the records, and how often each code and field was refused."""

    results: list[Result]
    refused: Counter[tuple[str, str]]


def transform(
    records: Iterable[dict[str, Any]], validator: RecordValidator, pseudonymise: Pseudonymise
) -> Batch:
    """Validate each record and give valid ones the form in which they are stored.

    Args:
        records: members of the event: ``recordId``, ``data`` (base64) and
            ``approximateArrivalTimestamp`` (milliseconds), after which no label's time may lie.
        validator: the stream's record, compiled.
        pseudonymise: maps classified values to pseudonyms.

    Returns:
        For a valid record ``Ok`` and one JSON line; else ``ProcessingFailed`` and the data as
        received.
    """
    received = list(records)
    results: list[Result] = []
    refused: Counter[tuple[str, str]] = Counter()
    for record in received:
        outcome = _outcome(record, validator, pseudonymise)
        if isinstance(outcome, Valid):
            results.append(_accepted(record["recordId"], outcome))
        else:
            refused[(outcome[0], outcome[1] or "")] += 1
            results.append(_returned(record))
    if sum(map(_size, results)) > RESPONSE_BYTES:
        _shrink(received, results, refused)
    return Batch(results, refused)


def _outcome(
    record: dict[str, Any], validator: RecordValidator, pseudonymise: Pseudonymise
) -> Valid | Invalid:
    try:
        content = parse(a2b_base64(record.get("data"), strict_mode=True))  # type: ignore[arg-type]
        arrived = arrival(record.get("approximateArrivalTimestamp"))
        return validator.check(content, pseudonymise, arrived)
    except NotJsonError as error:
        return Invalid("not_json", None, str(error))
    except (ValueError, TypeError):
        return Invalid("not_json", None, "data is not base64")


def _accepted(record_id: str, valid: Valid) -> Result:
    line = _encode(valid.values) + "\n"
    return {
        "recordId": record_id,
        "result": OK,
        "data": b2a_base64(line.encode("ascii"), newline=False).decode("ascii"),
    }


def _returned(record: dict[str, Any]) -> Result:
    data = record.get("data")
    return {
        "recordId": record["recordId"],
        "result": FAILED,
        "data": data if isinstance(data, str) else "",
    }


def _size(result: Result) -> int:
    return len(result["data"]) + len(result["recordId"]) + RESULT_OVERHEAD_BYTES


def _shrink(
    received: list[dict[str, Any]], results: list[Result], refused: Counter[tuple[str, str]]
) -> None:
    """Give back records as received until the answer fits; the curate job takes them from there.

    A returned record takes no more room than it took in the request, which Lambda accepted, so
    this ends with an answer that fits. The largest gains go first, to give back few.
    """
    excess = sum(map(_size, results)) - RESPONSE_BYTES
    gains = sorted(
        (
            (_size(result) - _size(_returned(record)), place)
            for place, (record, result) in enumerate(zip(received, results, strict=True))
            if result["result"] == OK
        ),
        reverse=True,
    )
    for gain, place in gains:
        if excess <= 0 or gain <= 0:
            break
        results[place] = _returned(received[place])
        refused[("response_full", "")] += 1
        excess -= gain
