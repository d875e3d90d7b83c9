"""Which rows a run learns from: its window, and the cuts between train, validation and hold-out.

Cuts are moments, so that every row of a part is later than every row of the part before it: a
random split would let the model see the weather of the day it is tested on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glue_jobs import arguments

PARTS = ("train", "validation", "holdout")
# Of a timestamp: the window's end is exclusive, and the newest label belongs to it.
RESOLUTION = timedelta(microseconds=1)
LAST = datetime.max.replace(tzinfo=UTC)
# Of ``as_of``: all labels that have arrived.
LATEST = "latest"
# Ten years and a day, as in the settings.
MOST_DAYS = 3654


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the job's arguments say of its rows; None is what they leave open."""

    as_of: datetime | None
    started_at: datetime | None
    start: datetime | None
    end: datetime | None
    length: timedelta
    validation_share: float
    holdout_share: float


def asked(values: Mapping[str, str]) -> Asked:
    """Read the arguments.

    Raises:
        SystemExit: one is no value of its kind.
    """
    days = arguments.number(
        values,
        "window_days",
        f"a number above 0, at most {MOST_DAYS}",
        lambda n: 0 < n <= MOST_DAYS,
    )
    validation, holdout = (
        arguments.number(values, name, "a number above 0 and below 0.5", lambda n: 0 < n < 0.5)
        for name in ("validation_share", "holdout_share")
    )
    return Asked(
        as_of=arguments.time(values, "as_of", besides=LATEST),
        started_at=arguments.time(values, "started_at"),
        start=arguments.time(values, "window_start"),
        end=arguments.time(values, "window_end"),
        length=timedelta(days=days),
        validation_share=validation,
        holdout_share=holdout,
    )


def window(asked: Asked, newest_label: datetime, latency: timedelta) -> Window:
    """The run's window; its length is ``window_days`` unless given.

    ``as_of`` of "latest" is just after the newest label, yet never after ``started_at``: one label
    from the future would move every later window. The window ends ``latency`` before ``as_of``,
    since of the newest events only those are labelled whose label came early, and these are of a
    kind (flights that landed on time).

    Raises:
        SystemExit: the window is empty.
    """
    as_of = asked.as_of or min(newest_label + RESOLUTION, asked.started_at or LAST)
    end = asked.end or as_of - latency
    start = asked.start or end - asked.length
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


def iso(value: datetime) -> str:
    """``2013-01-01T10:15:00Z``; fractions of a second are kept only if there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
