"""The sampled flights as a producer and a client see them: day by day, in event order."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from local import flights

Record = dict[str, Any]
NAMES = tuple(calendar.month_name)[1:]


@dataclass(frozen=True, slots=True)
class Day:
    """What happens on one day, UTC: departures that become known, arrivals that happen."""

    date: str
    events: list[Record]
    labels: list[Record]


class Flights:
    """The flights kept by the sampling rule; months are calendar months in UTC."""

    def __init__(self, rate: float) -> None:
        self._frame: pd.DataFrame = flights.sample(flights.prepare(), rate)

    def month(self, number: int) -> flights.Month:
        """One month: 1 is January."""
        return flights.month(self._frame, number)

    def days(self, number: int) -> Iterator[Day]:
        """The month's days in order; a flight that lands past midnight has its label next day."""
        month = self.month(number)
        events = _by_day(month.events, "event_time")
        labels = _by_day(month.labels, "label_time")
        for date in sorted(events.keys() | labels.keys()):
            yield Day(date, events.get(date, []), labels.get(date, []))


def _by_day(records: list[Record], time_field: str) -> dict[str, list[Record]]:
    grouped = groupby(records, key=lambda record: str(record[time_field])[:10])
    return {date: list(found) for date, found in grouped}


def window(number: int) -> tuple[str, str]:
    """First moment of a month of 2013 and of the next, ISO 8601 UTC."""
    year, following = (2014, 1) if number == len(NAMES) else (2013, number + 1)
    return f"2013-{number:02d}-01T00:00:00Z", f"{year}-{following:02d}-01T00:00:00Z"


KILOMETRES = 1.609344
MINUTES_BEHIND_UTC = 240
DAY_MINUTES = 1440


def in_other_units(event: Record) -> Record:
    """A departure as a client sends it that changed its units: every value is still valid.

    Kilometres for miles, the time of day in UTC (summer time of New York is four hours behind),
    and nothing from the aircraft register.
    """
    changed = {key: value for key, value in event.items() if not key.startswith("aircraft_")}
    changed["distance_miles"] = round(event["distance_miles"] * KILOMETRES)
    for name in ("departure_minute", "arrival_minute"):
        changed[name] = (event[name] + MINUTES_BEHIND_UTC) % DAY_MINUTES
    return changed
