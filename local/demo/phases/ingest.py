"""Departures and arrivals stream in through Firehose, day by day, in event order."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.names import RAW_BACKUP, RAW_ERRORS, RAW_STREAM, STREAMS
from local.demo import corruption
from local.demo.flights import NAMES
from local.demo.ledger import Outgoing
from local.demo.producer import Producer
from local.demo.reconcile import Zones, assert_agrees, reconcile
from local.demo.story import Story

WINTER = (1, 2, 3)
FLUSH_SECONDS = 90.0
POLL_SECONDS = 0.25


def zones(story: Story) -> Zones:
    """The places that are counted."""
    raw, landing = (story.deployed.bucket(zone) for zone in ("raw", "landing"))
    return Zones(raw, landing, story.deployed.database())


def stream_winter(story: Story) -> None:
    """January to March, with the planted faults."""
    for number in WINTER:
        stream_month(story, number, faults=True)
    wait_for_delivery(story)


def producers(story: Story) -> dict[str, Producer]:
    """One producer for each stream."""
    firehose = story.platform.client("firehose", story.producer)
    return {
        stream: Producer(firehose, story.deployed.delivery_stream(stream), stream, story.ledger)
        for stream in STREAMS
    }


def stream_month(story: Story, number: int, *, faults: bool) -> None:
    """Send one month: each day's departures, then the arrivals that happened on it."""
    start, senders = time.monotonic(), producers(story)
    sent, retried = 0, 0
    for day in story.flights.days(number):
        plain = [Outgoing(corruption.encode(event)) for event in day.events]
        events = list(corruption.with_faults(day.events, story.contract)) if faults else plain
        labels = [Outgoing(corruption.encode(label)) for label in day.labels]
        for stream, records in (("events", events), ("labels", labels)):
            delivery = senders[stream].send(records)
            sent, retried = sent + delivery.records, retried + delivery.retried
    month = story.flights.month(number)
    story.findings.without_label += month.cancelled + month.diverted
    story.say(
        f"{NAMES[number - 1]}: {sent:,} records sent, {retried} entries retried; "
        f"{month.cancelled + month.diverted} departures will never have a label "
        f"[dim]{time.monotonic() - start:.1f} s[/dim]"
    )


def wait_for_delivery(story: Story) -> None:
    """Wait until Firehose flushed: the raw zone holds as many copies as were accepted.

    Copies, not ids: Firehose may deliver one twice, but never fewer than it accepted.
    """
    raw, deadline = story.deployed.bucket("raw"), time.monotonic() + FLUSH_SECONDS
    with story.timed("waiting for Firehose to flush its buffers"):
        while True:
            found = {stream: _progress(story, raw, stream) for stream in STREAMS}
            if all(progress.complete for progress in found.values()):
                return
            if time.monotonic() > deadline:
                told = "; ".join(f"{stream}: {where}" for stream, where in found.items())
                raise TimeoutError(f"not delivered within {FLUSH_SECONDS:.0f} s: {told}")
            time.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Progress:
    """Copies of one stream by where they are."""

    accepted: int
    backup: int
    delivered: int
    failed: int

    @property
    def complete(self) -> bool:
        """Whether every accepted copy is backed up and delivered or failed."""
        return self.accepted <= min(self.backup, self.delivered + self.failed)

    def __str__(self) -> str:
        return (
            f"{self.accepted} accepted, {self.backup} in the backup, {self.delivered} delivered, "
            f"{self.failed} in the error output"
        )


def _progress(story: Story, raw: str, stream: str) -> Progress:
    field = story.ledger.id_fields[stream]
    return Progress(
        accepted=story.ledger.copies(stream),
        backup=len(story.lake.line_ids(raw, RAW_BACKUP[stream], field)),
        delivered=len(story.lake.rows(raw, RAW_STREAM[stream], (field,))),
        failed=len(story.lake.envelope_ids(raw, RAW_ERRORS[stream], field)),
    )


def compare_counts(story: Story, *, settled: bool = True) -> None:
    """Recount from objects and tables, print both sides, fail on inequality."""
    counts = reconcile(story.lake, zones(story), story.ledger)
    story.findings.counts = dict(counts)
    story.ledger.write(story.output / "ledger.csv")
    for found in counts.values():
        equal = "[green]=[/green]" if found.agrees else "[red]≠[/red]"
        story.say(
            f"{found.stream}: [bold]{found.sent:,} sent {equal} {found.curated:,} curated + "
            f"{found.rejected:,} rejected + {found.pending:,} pending[/bold] (distinct ids); "
            f"{found.delivered:,} copies delivered, {found.duplicates} duplicates "
            f"{found.duplicates_by_origin}"
        )
        if found.rejected:
            story.say(f"  planted {found.planted}; rejected {found.rejected_by_code}")
    assert_agrees(counts, settled=settled)
