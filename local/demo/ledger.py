"""What the demo sent, counted where it was sent.

The ledger is one side of every reconciliation and knows nothing about buckets: it holds the
identity of each record that Firehose accepted, by the same rule every other side uses.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.names import STREAMS
from core.records import Identify, identifier

Origin = Literal["original", "sender", "replay"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record on its way: its bytes, why it exists, and the fault planted in it ("" = none)."""

    raw: bytes
    origin: Origin = "original"
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy of a record that the service accepted."""

    stream: str
    record_id: str
    origin: Origin
    fault: str


@dataclass(slots=True)
class Ledger:
    """Every accepted copy in the order of acceptance.

    ``id_fields`` maps stream to id field; ``key`` gives the derived key of the pseudonyms, which
    exists only once something is deployed, so it is asked at the first record.
    """

    id_fields: dict[str, str]
    key: Callable[[], bytes]
    entries: list[Entry] = field(default_factory=list)
    _identifiers: dict[str, Identify] = field(default_factory=dict)

    def accept(self, stream: str, records: Iterable[Outgoing]) -> None:
        """Note copies that the service confirmed. Raises ``ValueError`` for an unknown stream."""
        if stream not in STREAMS:
            raise ValueError(f"stream is {stream!r}; allowed: {', '.join(STREAMS)}")
        identify = self._identifier(stream)
        self.entries.extend(
            Entry(stream, identify(item.raw), item.origin, item.fault) for item in records
        )

    def _identifier(self, stream: str) -> Identify:
        if stream not in self._identifiers:
            self._identifiers[stream] = identifier(self.key(), self.id_fields[stream])
        return self._identifiers[stream]

    def of(self, stream: str) -> list[Entry]:
        """The accepted copies of one stream."""
        return [entry for entry in self.entries if entry.stream == stream]

    def ids(self, stream: str) -> set[str]:
        """Distinct ids accepted on a stream."""
        return {entry.record_id for entry in self.of(stream)}

    def copies(self, stream: str) -> int:
        """Accepted copies, repeats included."""
        return len(self.of(stream))

    def by_origin(self, stream: str) -> dict[str, int]:
        """Accepted copies beyond the first of each id, by why they were sent again."""
        seen: set[str] = set()
        repeats: Counter[str] = Counter()
        for entry in self.of(stream):
            if entry.record_id in seen:
                # Two originals that share an id are a fault of the sender too.
                repeats["replay" if entry.origin == "replay" else "sender"] += 1
            seen.add(entry.record_id)
        return {"sender": repeats["sender"], "replay": repeats["replay"]}

    def by_fault(self, stream: str) -> dict[str, int]:
        """Accepted copies by planted fault; untouched records are left out."""
        return dict(sorted(Counter(e.fault for e in self.of(stream) if e.fault).items()))

    def write(self, path: Path) -> None:
        """Write the ledger as CSV, so that a reader can recount without this program."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("stream", "record_id", "origin", "fault"))
            rows.writerows((e.stream, e.record_id, e.origin, e.fault) for e in self.entries)
