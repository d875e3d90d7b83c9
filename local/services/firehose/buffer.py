"""Records or failures that wait for one object."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, TypeVar

from local.services.firehose.config import Buffering

RETRY_SECONDS = 2.0
Key = TypeVar("Key")


@dataclass(slots=True)
class Buffer:
    """Items waiting for one object, their size, and when the first of them arrived."""

    items: list[Any] = field(default_factory=list)
    size: int = 0
    since: float = 0.0
    not_before: float = 0.0

    def add(self, item: Any, size: int) -> None:
        """Append an item of ``size`` bytes."""
        if not self.items:
            self.since = time.monotonic()
        self.items.append(item)
        self.size += size

    def due(self, buffering: Buffering, now: float) -> bool:
        """Whether it should be emptied now."""
        if not self.items or now < self.not_before:
            return False
        return buffering.due(self.size, self.since, now)

    def take(self, limit: float) -> list[Any]:
        """Remove items up to about ``limit`` bytes (at least one)."""
        taken: list[Any] = []
        size = 0
        while self.items and (not taken or size + _size(self.items[0]) <= limit):
            size += _size(self.items[0])
            taken.append(self.items.pop(0))
            if len(taken) % 500 == 0 and size >= limit:
                break
        self.size = max(0, self.size - size)
        self.since = time.monotonic()
        return taken

    def before(self, newer: Buffer) -> Buffer:
        """This one again, and what came meanwhile, not to be emptied before a pause."""
        self.items += newer.items
        self.size += newer.size
        self.not_before = time.monotonic() + RETRY_SECONDS
        return self


def due(buffers: dict[Key, Buffer], rule: Buffering, now: float, everything: bool) -> list[Key]:
    """Which of them should be emptied now."""
    return [
        key
        for key, buffer in buffers.items()
        if buffer.items and (everything or buffer.due(rule, now))
    ]


def _size(item: Any) -> int:
    return len(item.data)
