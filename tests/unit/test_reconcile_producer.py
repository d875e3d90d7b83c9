"""What is sent: planted faults that the validator must refuse, and retries that lose nothing."""

from __future__ import annotations

from typing import Any

import pytest

from config.load import load_deployment
from core.records import Invalid, Valid, identifier, validate
from local.demo import producer
from local.demo.corruption import FAULTS, ONE_IN, encode, with_faults
from local.demo.ledger import Ledger, Outgoing
from local.demo.producer import DELIMITER, Producer, RecordsRefusedError, batches
from local.platform import ROOT

CONTRACT = load_deployment("demo", ROOT).contract
KEY = b"k" * 32
CODES = {
    "missing_field": {"missing"},
    "wrong_type": {"wrong_type"},
    "out_of_range": {"out_of_range"},
    "not_json": {"not_json"},
}


def _flights(count: int) -> list[dict[str, Any]]:
    return [
        {
            "flight_id": f"2013-01-01T{n // 60 % 24:02d}:{n % 60:02d}Z_AA_{n % 9999 + 1}_JFK",
            "event_time": f"2013-01-01T{n // 60 % 24:02d}:{n % 60:02d}:00Z",
            "carrier": "AA", "flight_number": n % 9999 + 1, "origin": "JFK", "destination": "LAX",
            "departure_minute": n % 1440, "arrival_minute": n % 1440, "day_of_week": 2,
            "distance_miles": 2475,
        }
        for n in range(count)
    ]  # fmt: skip


def _pseudonym(value: object) -> str:
    return f"p_{value}"


def test_planted_faults_are_refused_and_nothing_else_is() -> None:
    sent = list(with_faults(_flights(6000), CONTRACT))
    seen = set()
    for item in sent:
        found = validate(item.raw, CONTRACT["event"], _pseudonym)
        if item.fault in CODES:
            assert isinstance(found, Invalid), item.fault
            assert found.code in CODES[item.fault]
        else:
            assert isinstance(found, Valid), found
        seen.add(item.fault)
    assert seen == {"", *(name for name, _ in FAULTS)}


def test_the_share_is_what_is_stated_and_always_the_same() -> None:
    flights = _flights(20000)
    first, again = list(with_faults(flights, CONTRACT)), list(with_faults(flights, CONTRACT))
    assert first == again
    spoiled = sum(bool(item.fault) for item in first)
    assert 0.7 / ONE_IN < spoiled / len(flights) < 1.3 / ONE_IN


def test_a_duplicate_has_the_bytes_of_its_original() -> None:
    sent = list(with_faults(_flights(6000), CONTRACT))
    index = next(i for i, item in enumerate(sent) if item.fault == "duplicate")
    assert sent[index].raw == sent[index - 1].raw
    assert (sent[index - 1].fault, sent[index].origin) == ("", "sender")


class _Firehose:
    """Refuses the given positions of the first requests, as the service does under pressure."""

    def __init__(self, refused: list[set[int]]) -> None:
        self._refused = refused
        self.requests: list[list[bytes]] = []

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        records = [record["Data"] for record in request["Records"]]
        self.requests.append(records)
        bad = self._refused.pop(0) if self._refused else set()
        answers = [
            {"ErrorCode": "ServiceUnavailableException"} if i in bad else {"RecordId": str(i)}
            for i in range(len(records))
        ]
        return {"FailedPutCount": len(bad), "RequestResponses": answers}


def _producer(firehose: _Firehose) -> Producer:
    return Producer(firehose, "stream", "events", Ledger({"events": "flight_id"}, lambda: KEY))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "FIRST_PAUSE_SECONDS", 0.0)


def test_only_failed_entries_are_sent_again() -> None:
    firehose = _Firehose([{1, 3}, {0}])
    sender = _producer(firehose)
    items = [Outgoing(encode(flight)) for flight in _flights(5)]
    delivery = sender.send(items)
    assert [len(request) for request in firehose.requests] == [5, 2, 1]
    assert firehose.requests[2] == [items[1].raw + DELIMITER]
    assert (delivery.records, delivery.requests, delivery.retried) == (5, 3, 3)
    expected = sorted(map(identifier(KEY, "flight_id"), (item.raw for item in items)))
    assert sorted(entry.record_id for entry in sender.ledger.entries) == expected


def test_a_record_that_stays_refused_is_an_error_and_not_in_the_ledger() -> None:
    sender = _producer(_Firehose([{0}] * 20))
    with pytest.raises(RecordsRefusedError, match="ServiceUnavailableException"):
        sender.send([Outgoing(b"{}")])
    assert sender.ledger.entries == []


def test_batches_keep_order_and_both_limits() -> None:
    items = [Outgoing(b"x" * 1000)] * 1100 + [Outgoing(b"y" * 1_000_000)] * 9
    found = list(batches(items))
    assert [item for batch in found for item in batch] == items
    assert all(len(batch) <= producer.MAX_RECORDS for batch in found)
    assert all(sum(len(i.raw) + 1 for i in batch) <= producer.MAX_BYTES for batch in found)
