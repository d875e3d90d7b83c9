"""When a record arrived, and so up to when it can know an outcome.

A label that claims to be from the future would move the end of every later training window. Each
layer has another witness of the arrival: Firehose stamps records, S3 stamps files.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

# Producers' clocks are off by seconds to minutes.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
# The year 2262, after which no record's time lies.
_LAST_SECOND: Final = 9_214_646_400


def arrival(stamp: object) -> int:
    """A stamp in milliseconds since 1970; now, if it is none."""
    return stamp if type(stamp) is int and stamp > 0 else int(time.time() * 1000)


def known_by(arrived: int) -> str:
    """The latest time that a label may have which arrived then, in the form of stored times."""
    moment = datetime.fromtimestamp(min(arrived // 1000, _LAST_SECOND), UTC) + CLOCK_TOLERANCE
    return moment.strftime("%Y-%m-%d %H:%M:%S")
