"""A short loop whose every aircraft is the canary: streamed, landed, predicted, learnt, monitored.

Flights of a few weeks, of which one carrier's are late, so that a model learns something and is
promoted; and the same value in records that are broken in every way the classified field can be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from config.contract import example_record
from core import names
from local.demo.executions import Executions, Followed, assert_succeeded
from local.demo.ledger import Ledger, Outgoing
from local.demo.objects import Lake
from local.demo.producer import Producer, session
from local.platform import Platform
from operations.subject import Subject
from tests.support.canary_scan import Canary, find
from tests.support.deployments import subject_of
from tests.support.probe_stack import wait_for

CANARY = Canary("ZQX7KV3WJ9")
FIRST, DAYS, A_DAY = datetime(2013, 1, 1, 6, tzinfo=UTC), 80, 24
PREDICTED_DAYS, BATCH = 4, 24
LATE_CARRIER, LATE_MINUTES, FLIGHT_HOURS = "AA", 60, 5
DELIVERED_SECONDS, CAPTURED_SECONDS = 90.0, 60.0
BROKEN_OBJECTS = (
    "lower case", "too long", "in a list", "a name in an object", "in a field that is not known",
    "another field missing", "another field wrong", "out of time",
)  # fmt: skip
# The ledger and the lake only count here: their ids need not be those of the rejected table.
COUNTING = bytes(32)
# Where a careless or hostile caller may put a value beside the body.
MISPLACED = {
    name: {name: f"aircraft {CANARY.value}"}
    for name in ("Authorization", "Cookie", "Referer", "X-Api-Key", "X-Amz-Security-Token")
}
Record = dict[str, Any]


def _encoded(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Story:
    """One deployment, and what the canary goes through on it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.subject: Subject = subject_of(platform, "demo")
        self.deployed = self.subject.deployed
        contract = self.subject.deployment.contract
        self._event, self._label = (example_record(contract[k]) for k in ("event", "label"))
        fields = {"events": contract["event"]["id_field"], "labels": contract["label"]["id_field"]}
        self._ledger = Ledger(fields, lambda: COUNTING)

    # -- records --------------------------------------------------------------------------------

    def flights(self, days: range = range(DAYS)) -> Iterator[tuple[Record, Record]]:
        """Event and label of every flight, in order of departure."""
        for day in days:
            for number in range(1, A_DAY + 1):
                at = FIRST + timedelta(days=day, minutes=30 * number)
                carrier = (LATE_CARRIER, "UA", "DL")[number % 3]
                name = f"{at:%Y-%m-%dT%H:%MZ}_{carrier}_{number}_EWR"
                event = self._event | {
                    "flight_id": name, "event_time": _moment(at), "carrier": carrier,
                    "flight_number": number, "tail_number": CANARY.value,
                    "weather_observed_at": _moment(at - timedelta(minutes=10)),
                    "day_of_week": at.isoweekday(), "wind_gust_mph": 20.0 + number,
                }  # fmt: skip
                # One flight in eight does not do what its carrier's do.
                odd = hashlib.sha256(name.encode()).digest()[0] < 32
                late = LATE_MINUTES if (carrier == LATE_CARRIER) != odd else 0
                arrived = _moment(at + timedelta(hours=FLIGHT_HOURS))
                label = {"flight_id": name, "label_time": arrived, "arrival_delay_minutes": late}
                yield event, self._label | label

    def broken(self) -> dict[str, bytes]:
        """Records that hold the canary and are refused, by what is wrong with them."""
        whole, tail = dict(next(self.flights())[0]), CANARY.value
        whole["flight_id"] = "2013-01-01T05:00Z_UA_9999_EWR"
        raw = _encoded(whole)
        return {
            "lower case": _encoded(whole | {"tail_number": tail.lower()}),
            "too long": _encoded(whole | {"tail_number": tail * 2}),
            "in a list": _encoded(whole | {"tail_number": [tail]}),
            "a name in an object": _encoded(whole | {"tail_number": {tail: tail}}),
            "in a field that is not known": _encoded(whole | {"aircraft": tail}),
            "another field missing": _encoded({k: v for k, v in whole.items() if k != "origin"}),
            "another field wrong": _encoded(whole | {"distance_miles": "far"}),
            "out of time": _encoded(whole | {"event_time": "1913-01-01T10:15:00Z"}),
            "named twice": raw[:-1] + f',"tail_number":"{tail}"}}'.encode(),
            "cut off": raw[: raw.index(tail.encode()) + len(tail)],
            "two in one": raw + raw,
            "not UTF-8": raw.replace(b'"EWR"', b'"\xff\xfe"'),
            "a list": _encoded([whole]),
            "text": f"aircraft {tail}".encode(),
            "nothing but the value": tail.encode(),
        }

    @cached_property
    def producer(self) -> dict[str, str]:
        """A producer's credentials: it may send and upload, and nothing else."""
        return session(self.platform, self.deployed, files=True)

    # -- what is done with them -----------------------------------------------------------------

    def stream(self) -> None:
        """Through Firehose: events and labels, and everything broken."""
        pairs = list(self.flights())
        broken = [Outgoing(raw) for raw in self.broken().values()]
        misplaced = _encoded(pairs[0][1] | {"tail_number": CANARY.value})
        sent = {
            "events": [Outgoing(_encoded(event)) for event, _ in pairs] + broken,
            "labels": [Outgoing(_encoded(label)) for _, label in pairs] + [Outgoing(misplaced)],
        }
        for stream, records in sent.items():
            name = self.deployed.delivery_stream(stream)
            client = self.platform.client("firehose", self.producer)
            Producer(client, name, stream, self._ledger).send(records)

    def land(self) -> None:
        """A batch file: one more flight, and everything broken."""
        more = dict(next(self.flights())[0]) | {"flight_id": "2013-01-01T05:30Z_UA_9998_EWR"}
        lines = [_encoded(more), *(r for r in self.broken().values() if b"\n" not in r)]
        self.platform.client("s3", self.producer).put_object(
            Bucket=self.deployed.bucket("landing"), Key="events/canary.jsonl",
            Body=b"\n".join(lines) + b"\n",
        )  # fmt: skip

    def delivered(self, lake: Lake) -> None:
        """Wait until every copy is backed up, and delivered or failed."""
        raw = self.deployed.bucket("raw")

        def all_there() -> bool:
            return all(self._arrived(lake, raw, stream) for stream in names.STREAMS)

        wait_for(all_there, DELIVERED_SECONDS, "every record in the raw zone")

    def _arrived(self, lake: Lake, raw: str, stream: str) -> bool:
        field, sent = self._ledger.id_fields[stream], self._ledger.copies(stream)
        good = len(lake.rows(raw, names.RAW_STREAM[stream], (field,)))
        failed = len(lake.envelope_ids(raw, names.RAW_ERRORS[stream], field))
        return sent <= min(good + failed, len(lake.line_ids(raw, names.RAW_BACKUP[stream], field)))

    def ask(self) -> list[tuple[str, int, str]]:
        """Through the API: right and wrong in every way; (what, status, answer)."""
        events = [event for event, _ in self.flights(range(DAYS - PREDICTED_DAYS, DAYS))]
        batch = [events[i : i + BATCH] for i in range(0, len(events), BATCH)]
        broken = self.broken()
        # The gateway knows the envelope of a batch only; each record is for the function to judge.
        objects = [json.loads(broken[what]) for what in BROKEN_OBJECTS]
        mixed = [events[0], *objects, [CANARY.value]]
        single, many = names.ROUTE_PREDICTIONS, names.ROUTE_BATCH
        right = _encoded(events[0])
        asked: list[tuple[str, str, bytes, dict[str, Any]]] = [
            ("right", single, right, {}),
            *(("right", many, _encoded({"records": records}), {}) for records in batch),
            ("mixed", many, _encoded({"records": mixed}), {}),
            *((f"broken: {what}", single, raw, {}) for what, raw in broken.items()),
            ("broken batch", many, _encoded({"records": CANARY.value}), {}),
            ("unsigned", single, right, {"signed": False}),
            ("other type", single, right, {"content_type": "text/plain"}),
            ("no route", "/nowhere", right, {}),
            *(
                (f"misplaced: {name}", single, right, {"signed": False, "headers": sent})
                for name, sent in MISPLACED.items()
            ),
            ("misplaced: query", f"{single}?aircraft={CANARY.value}", right, {}),
            ("too large", many, _encoded({"records": events * 20}), {}),
        ]
        return [self._answer(*entry) for entry in asked]

    def _answer(
        self, what: str, route: str, body: bytes, options: dict[str, Any]
    ) -> tuple[str, int, str]:
        answer = self.subject.call_api("POST", route, body, **options)  # type: ignore[arg-type]
        return what, answer.status_code, answer.text

    # -- what the platform does with it ---------------------------------------------------------

    def retrain(self) -> Followed:
        """Curate, features, training, evaluation, roll-out."""
        return self._run("training", {"reason": "canary"})

    def monitor(self) -> Followed:
        """The monitor on the days that were predicted."""
        start, end = (FIRST + timedelta(days=d, hours=-6) for d in (DAYS - PREDICTED_DAYS, DAYS))
        return self._run("monitor", {"window_start": _moment(start), "window_end": _moment(end)})

    def _run(self, stack: str, given: dict[str, Any]) -> Followed:
        machine = self.deployed.state_machine(stack)
        states = Executions(self.platform.client("stepfunctions"), machine, lambda _: None)
        followed = states.follow(states.start(f"canary-{stack}", given))
        assert_succeeded(followed)
        return followed

    def captured(self, lake: Lake, pseudonym: str) -> None:
        """Wait until the endpoint has written what it captured."""
        bucket, mark = self.deployed.bucket("monitoring"), Canary(pseudonym)

        def there() -> bool:
            keys = lake.keys(bucket, names.MONITORING_CAPTURE)
            return any(find(mark, lake.body(bucket, key)) for key in keys)

        wait_for(there, CAPTURED_SECONDS, "captured requests")
