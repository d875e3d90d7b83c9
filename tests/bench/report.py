"""One form for every benchmark: what is measured, its floor, the ratio and what was aimed at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

HEADER = ("measured", "time", "floor", "time", "ratio", "aim")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement beside its floor; both times in seconds."""

    measured: str
    seconds: float
    floor: str
    floor_seconds: float
    aim: float | None = None
    """Largest ratio that was aimed at; None where none was set."""

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of the header."""
        ratio = self.seconds / self.floor_seconds
        return (
            self.measured,
            duration(self.seconds),
            self.floor,
            duration(self.floor_seconds),
            f"{ratio:.2f}",
            "none set" if self.aim is None else f"{self.aim:g} {_verdict(ratio, self.aim)}",
        )


def _verdict(ratio: float, aim: float) -> str:
    return "met" if ratio <= aim else "missed"


def duration(seconds: float) -> str:
    """Seconds in the unit that leaves two to four digits before the point."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def table(rows: Sequence[Row]) -> str:
    """Aligned text of header and rows."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def load() -> str:
    """How busy the machine was: a ratio taken while others work says less."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores in the last minute"
