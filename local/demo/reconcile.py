"""Both sides of the count: what was sent, and what the objects hold.

The identity is over distinct record ids: sent = curated + rejected + pending. It is decided on
sets, not on totals, so two errors can't cancel out. Copies are counted separately: delivered minus
distinct gives the duplicates, and the ledger says where they came from.

A file of the landing zone that nobody can read counts as one record, whose bytes are the file's.
Rows of ``rejected`` for files whose records are counted elsewhere (damaged ones of a stream, which
has a backup, and those too large to open) have no part in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.names import (
    RAW_BACKUP,
    RAW_ERRORS,
    RAW_STREAM,
    STREAMS,
    TABLE_EVENTS,
    TABLE_LABELS,
    TABLE_REJECTED,
)
from local.demo.ledger import Ledger
from local.demo.objects import Lake

TABLES = {"events": TABLE_EVENTS, "labels": TABLE_LABELS}
EXAMPLES = 5
# Begins the id of a row that stands for a file, not for what is in it.
OF_A_FILE = "file:"


class CountsDifferError(AssertionError):
    """Sent and found do not agree; the message names the difference and some ids."""


@dataclass(frozen=True, slots=True)
class Zones:
    """What is counted: two zones by their buckets, the curated one by the tables' database."""

    raw: str
    landing: str
    database: str


@dataclass(frozen=True, slots=True)
class Found:
    """What objects and tables hold of one stream: lists keep repeats, sets are distinct ids."""

    backup: list[str]
    delivered: list[str]
    errors: list[str]
    landing: list[str]
    curated_rows: list[str]
    rejected: dict[str, str]
    """Record id to the code of its rejection."""


@dataclass(frozen=True, slots=True)
class StreamCount:
    """One stream's reconciliation; every number counts distinct ids unless it says copies."""

    stream: str
    sent: int
    sent_copies: int
    curated: int
    rejected: int
    pending: int
    delivered: int
    """Copies that Firehose delivered: rows in the stream table plus lines in the error output."""
    duplicates: int
    """Delivered copies beyond the first of each id."""
    duplicates_by_origin: dict[str, int]
    rejected_by_code: dict[str, int]
    planted: dict[str, int]
    backup_copies: int
    repeated_in_curated: int
    missing: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        """The right-hand side: curated + rejected + pending."""
        return self.curated + self.rejected + self.pending

    @property
    def agrees(self) -> bool:
        """Whether both sides hold the same ids and the curated table repeats none."""
        return (
            self.sent == self.accounted
            and not self.missing
            and not self.foreign
            and not self.repeated_in_curated
        )

    def explain(self) -> str:
        """One line a person can act on."""
        return (
            f"{self.stream}: sent {self.sent} distinct ids, found {self.curated} curated + "
            f"{self.rejected} rejected + {self.pending} pending = {self.accounted}; "
            f"missing {self.missing[:EXAMPLES]}, never sent {self.foreign[:EXAMPLES]}, "
            f"repeated in curated: {self.repeated_in_curated}"
        )


def find(lake: Lake, zones: Zones, stream: str, id_field: str) -> Found:
    """Open every object and table that holds records of a stream."""
    rejected = lake.table(zones.database, TABLE_REJECTED, ("stream", "record_id", "code"))
    streamed = lake.rows(zones.raw, RAW_STREAM[stream], (id_field,))
    curated = lake.table(zones.database, TABLES[stream], (id_field,))
    return Found(
        backup=lake.line_ids(zones.raw, RAW_BACKUP[stream], id_field),
        delivered=[row[id_field] for row in streamed],
        errors=lake.envelope_ids(zones.raw, RAW_ERRORS[stream], id_field),
        landing=lake.line_ids(zones.landing, f"{stream}/", id_field),
        curated_rows=[row[id_field] for row in curated],
        rejected={
            row["record_id"]: row["code"]
            for row in rejected
            if row["stream"] == stream and not row["record_id"].startswith(OF_A_FILE)
        },
    )


def count(ledger: Ledger, stream: str, found: Found) -> StreamCount:
    """Compare one stream's ledger with what was found; pure."""
    sent, curated = ledger.ids(stream), set(found.curated_rows)
    rejected = set(found.rejected) - curated
    pending = (set(found.backup) | set(found.landing)) - curated - rejected
    known = curated | rejected | pending
    copies = [*found.delivered, *found.errors]
    duplicates = len(copies) - len(set(copies))
    return StreamCount(
        stream=stream,
        sent=len(sent),
        sent_copies=ledger.copies(stream),
        curated=len(curated),
        rejected=len(rejected),
        pending=len(pending),
        delivered=len(copies),
        duplicates=duplicates,
        duplicates_by_origin=_origins(ledger, stream, copies),
        rejected_by_code=dict(sorted(Counter(found.rejected[i] for i in rejected).items())),
        planted=ledger.by_fault(stream),
        backup_copies=len(found.backup),
        repeated_in_curated=len(found.curated_rows) - len(curated),
        missing=sorted(sent - known),
        foreign=sorted(known - sent),
    )


def _origins(ledger: Ledger, stream: str, copies: list[str]) -> dict[str, int]:
    """Split the delivered duplicates: sent twice by the sender, replayed, or repeated on the way.

    Per id, a delivered copy beyond those that were sent was made by the delivery itself.
    """
    sent, arrived = Counter(e.record_id for e in ledger.of(stream)), Counter(copies)
    replays = Counter(e.record_id for e in ledger.of(stream) if e.origin == "replay")
    origins: Counter[str] = Counter(sender=0, delivery=0, replay=0)
    for record, times in arrived.items():
        repeats = times - 1
        by_delivery = min(repeats, max(0, times - max(sent[record], 1)))
        by_replay = min(repeats - by_delivery, replays[record])
        origins["delivery"] += by_delivery
        origins["replay"] += by_replay
        origins["sender"] += repeats - by_delivery - by_replay
    return dict(origins)


def reconcile(lake: Lake, zones: Zones, ledger: Ledger) -> dict[str, StreamCount]:
    """Both streams, recounted from objects and tables."""
    return {
        stream: count(ledger, stream, find(lake, zones, stream, ledger.id_fields[stream]))
        for stream in STREAMS
    }


def assert_agrees(counts: dict[str, StreamCount], *, settled: bool = True) -> None:
    """Raise ``CountsDifferError`` unless every stream agrees.

    ``settled`` also requires that nothing is pending, which holds after a curate run that
    started once the streams were flushed.
    """
    wrong = [c.explain() for c in counts.values() if not c.agrees or (settled and c.pending)]
    if wrong:
        raise CountsDifferError("; ".join(wrong))
