"""A producer as the SDK's documentation asks for: batches, and a retry of every failed entry.

``PutRecordBatch`` succeeds with entries that failed, so a producer that looks at the status code
alone loses records. Only what the service accepted enters the ledger. It works with a role of its
own that attaches the policy which the deployment offers to producers, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local.demo import guest
from local.demo.ledger import Ledger, Outgoing
from local.platform import Platform
from operations.deployed import Deployed

ROLE = "millrace-producer"
"""Named in the demo's ``perimeter.landing_roles``, too: it may upload files."""
MAX_RECORDS = 500
MAX_BYTES = 4 * 1024 * 1024
ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 0.1
# Firehose concatenates records in the source backup: the producer delimits them.
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
DELIMITER = b"\n"


class RecordsRefusedError(RuntimeError):
    """Entries still failed after every attempt; the message holds the last error codes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one call of ``send`` did."""

    records: int
    requests: int
    retried: int


def session(platform: Platform, deployed: Deployed, *, files: bool = False) -> dict[str, str]:
    """Credentials of a new producer's role, as ``AWS_…`` variables; see ``guest.remove``."""
    policies = [deployed.outputs["ingestion"]["StreamProducersPolicyArn"]]
    if files:
        policies.append(deployed.outputs["data-lake"]["FileProducersPolicyArn"])
    return guest.create(platform, ROLE, policies)


def batches(records: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut a stream into batches within the limits of one request."""
    batch: list[Outgoing] = []
    size = 0
    for record in records:
        length = len(record.raw) + len(DELIMITER)
        if batch and (len(batch) == MAX_RECORDS or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


@dataclass(slots=True)
class Producer:
    """Sends to one delivery stream and notes what was accepted."""

    firehose: Any
    delivery_stream: str
    stream: str
    ledger: Ledger

    def send(self, records: Iterable[Outgoing]) -> Delivery:
        """Send every record in order; raises ``RecordsRefusedError`` when one stays refused."""
        sent = requests = retried = 0
        for batch in batches(records):
            tries, again = self._send_batch(batch)
            sent, requests, retried = sent + len(batch), requests + tries, retried + again
        return Delivery(sent, requests, retried)

    def _send_batch(self, batch: Sequence[Outgoing]) -> tuple[int, int]:
        waiting, retried = list(batch), 0
        for attempt in range(ATTEMPTS):
            if attempt:
                retried += len(waiting)
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
            answer = self.firehose.put_record_batch(
                DeliveryStreamName=self.delivery_stream,
                Records=[{"Data": item.raw + DELIMITER} for item in waiting],
            )
            answers = answer["RequestResponses"]
            failed = [bool(entry.get("ErrorCode")) for entry in answers]
            accepted = [item for item, bad in zip(waiting, failed, strict=True) if not bad]
            self.ledger.accept(self.stream, accepted)
            waiting = [item for item, bad in zip(waiting, failed, strict=True) if bad]
            if not waiting:
                return attempt + 1, retried
        codes = sorted({entry["ErrorCode"] for entry in answers if entry.get("ErrorCode")})
        raise RecordsRefusedError(
            f"{self.delivery_stream} refused {len(waiting)} records {ATTEMPTS} times: {codes}"
        )
