"""Times that people and schedules give to a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from core.checks import EARLIEST, LATEST, shown

ALLOWED: Final = f"an ISO 8601 time from {EARLIEST} to {LATEST}, in UTC if it names no zone"


def moment(text: str) -> datetime:
    """An ISO 8601 time in UTC, which it is if it names no zone.

    Raises:
        ValueError: it is none, or beyond what every reader of the tables holds; says what is
            allowed.
    """
    try:
        parsed = datetime.fromisoformat(text)
        found = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(ALLOWED) from None
    if not EARLIEST <= f"{found:%Y-%m-%dT%H:%M:%SZ}" <= LATEST:
        raise ValueError(ALLOWED)
    return found


def given(name: str, text: str) -> datetime:
    """The time that an argument of a job gives.

    Raises:
        SystemExit: it is none.
    """
    try:
        return moment(text)
    except ValueError as error:
        raise SystemExit(f"{name} is {shown(text)}; allowed: {error}") from None
