"""Following an execution reads each event of its history once, in order, from the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.demo import executions
from local.demo.executions import Executions


class History:
    """Step Functions with one execution; each look at it finds more states entered."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = list(lengths)
        self.length = 0
        self.read: list[int] = []

    def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803
        assert executionArn == "arn"
        self.length = self.lengths.pop(0)
        return {"status": "RUNNING" if self.lengths else "SUCCEEDED", "output": "{}"}

    def get_paginator(self, operation: str) -> History:
        assert operation == "get_execution_history"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        assert asked["reverseOrder"]
        size = asked["PaginationConfig"]["PageSize"]
        ids = list(range(self.length, 0, -1))
        for first in range(0, len(ids) or 1, size):
            page = ids[first : first + size]
            self.read += page
            yield {"events": [self.event(number) for number in page]}

    def event(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "type": "PassStateEntered",
            "timestamp": datetime.fromtimestamp(number, UTC),
            "stateEnteredEventDetails": {"name": f"S{number}"},
        }


@pytest.mark.parametrize("lengths", [(25,), (0, 1, 25), (3, 3, 13, 14, 40)])
def test_every_state_is_told_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...]
) -> None:
    monkeypatch.setattr(executions, "POLL_SECONDS", 0)
    entered: list[str] = []
    client = History(*lengths)
    followed = Executions(client, "arn:machine:one", lambda _: None).follow(
        "arn", on_enter=entered.append
    )
    assert followed.status == "SUCCEEDED"
    assert entered == [f"S{number}" for number in range(1, lengths[-1] + 1)]


def test_what_is_known_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "POLL_SECONDS", 0)
    client = History(100, 101, 102)
    Executions(client, "arn:machine:one", lambda _: None).follow("arn")
    assert len(client.read) == 100 + 2 * executions._EVENTS_AT_ONCE
