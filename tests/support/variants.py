"""A planted case and its further ones: a row that says several things is shown by several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Case = dict[str, Any]


def variants(case: Case) -> Iterator[Case]:
    """The case, then each of its list ``more``, which says only what differs."""
    yield case
    for other in case.get("more", []):
        yield {**case, **other}
