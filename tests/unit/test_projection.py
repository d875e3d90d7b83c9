"""Ranges of projected dates: which folders a query sees today."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from local.services.athena import projection
from stacks.data_lake.tables import ARRIVALS

LATER = timedelta(days=1)


def _table(first: str, last: str) -> dict[str, Any]:
    parameters = {"enabled": "true", "arrived.type": "date", "arrived.format": "yyyy-MM-dd",
                  "arrived.range": f"{first},{last}"}  # fmt: skip
    return {
        "PartitionKeys": [{"Name": "arrived"}],
        "Parameters": {f"projection.{name}": value for name, value in parameters.items()},
    }


def _seen(first: str, last: str, days: list[date]) -> list[date]:
    files = {f"stream/events/arrived={day}/x.parquet": day for day in days}
    return [files[path] for path in projection.visible(_table(first, last), list(files))]


def test_the_streams_tables_have_every_arrival_until_today() -> None:
    today = datetime.now(UTC).date()
    days = [date(2019, 12, 31), date(2020, 1, 1), today - LATER, today, today + LATER]
    # A query at midnight may see the day after.
    assert _seen(*ARRIVALS, days)[:3] == days[1:4]
    assert today + 2 * LATER not in _seen(*ARRIVALS, [today + 2 * LATER])


@pytest.mark.parametrize(
    ("bound", "day"),
    [
        ("NOW", date(2028, 3, 31)), (" NOW ", date(2028, 3, 31)), ("NOW-1DAY", date(2028, 3, 30)),
        ("NOW+2WEEKS", date(2028, 4, 14)), ("NOW-1MONTH", date(2028, 2, 29)),
        ("NOW - 3 YEARS", date(2025, 3, 31)), ("NOW+10MONTHS", date(2029, 1, 31)),
    ],
)  # fmt: skip
def test_a_range_may_be_relative_to_now(
    bound: str, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls(2028, 3, 31, 23, 59, tzinfo=tz)

    monkeypatch.setattr(projection, "datetime", Clock)
    assert _seen(bound, bound, [day - LATER, day, day + LATER]) == [day]


@pytest.mark.parametrize("bound", ["NOW-3HOURS", "YESTERDAY", "2026-13-01", "NOW-DAYS"])
def test_a_range_that_cannot_be_followed_is_refused(bound: str) -> None:
    with pytest.raises(projection.ProjectionError, match=r"projection\.arrived\.range has"):
        _seen(bound, "NOW", [date(2026, 1, 1)])
