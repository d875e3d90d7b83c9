"""Which rows a run learns from: its window, and the cuts between train, validation and hold-out.

Cuts are moments, so that every row of a part is later than every row of the part before it: a
random split would let the model see the weather of the day it is tested on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PARTS = ("train", "validation", "holdout")
# Of a timestamp: the window's end is exclusive, and the newest label belongs to it.
RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Event times from ``start`` up to ``end``, with the labels known by ``as_of`` (all UTC)."""

    start: datetime
    end: datetime
    as_of: datetime

    def document(self) -> dict[str, str]:
        """As the run's files hold it."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "as_of": iso(self.as_of),
        }


def window(arguments: Mapping[str, str], newest_label: datetime, latency: timedelta) -> Window:
    """The run's window; its length is ``window_days`` unless given.

    ``as_of`` of "latest" is just after the newest label, yet never after ``started_at``: one label
    from the future would move every later window. The window ends ``latency`` before ``as_of``,
    since of the newest events only those are labelled whose label came early, and these are of a
    kind (flights that landed on time).

    Raises:
        SystemExit: the window is empty.
    """
    given = arguments["as_of"]
    as_of = moment(given) if given != "latest" else newest_label + RESOLUTION
    if given == "latest" and "started_at" in arguments:
        as_of = min(as_of, moment(arguments["started_at"]))
    end = moment(arguments["window_end"]) if "window_end" in arguments else as_of - latency
    days = timedelta(days=float(arguments["window_days"]))
    start = moment(arguments["window_start"]) if "window_start" in arguments else end - days
    if start >= end:
        raise SystemExit(f"window is empty: it starts {iso(start)} and ends {iso(end)}")
    return Window(start, end, as_of)


def cuts(
    hours: Sequence[tuple[datetime, int]], validation_share: float, holdout_share: float
) -> tuple[datetime, datetime]:
    """First hour of validation and of hold-out, from labelled rows by hour in order.

    A part begins at the first hour at which the share of earlier rows is reached; rows of one hour
    stay together, so shares are met to within an hour's rows.

    Raises:
        SystemExit: there is no labelled row.
    """
    total = sum(rows for _, rows in hours)
    if total == 0:
        raise SystemExit("no labelled event in the window; have the labels arrived?")
    found = []
    for share in (1 - validation_share - holdout_share, 1 - holdout_share):
        before = 0
        cut = hours[-1][0] + timedelta(hours=1)
        for hour, rows in hours:
            if before >= share * total:
                cut = hour
                break
            before += rows
        found.append(cut)
    return found[0], found[1]


def turn(hours: Sequence[tuple[datetime, int]], end: datetime, folds: int) -> timedelta:
    """How long rows before ``end`` belong to one fold before the next has its turn.

    Whole days in turn, or hours where there are too few days: the labels of a row's own day must
    not come back in its encoding, and each fold must see the whole window. Folds that were runs of
    it would each have a rate of their own, by which trees tell when a row was.
    """
    days = {hour.date() for hour, rows in hours if hour < end and rows}
    return timedelta(days=1) if len(days) >= folds else timedelta(hours=1)


def moment(text: str) -> datetime:
    """An ISO 8601 time; UTC if it names no zone."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def iso(value: datetime) -> str:
    """``2013-01-01T10:15:00Z``; fractions of a second are kept only if there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
