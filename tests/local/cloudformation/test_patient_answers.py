"""Who deploys need not look twice at a stack that takes a second."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from local.services.cloudformation import patient_answers

CLI = {"user-agent": "aws-sdk-js/3 aws-cdk/2.1000.0"}
ASKED = {"Action": "DescribeStacks", "StackName": "flights"}


def _statuses_seen(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], asked: dict[str, str], *statuses: str
) -> list[str]:
    """Statuses that were looked at before an answer; the last one stays."""
    left, seen = list(statuses), []

    def status_of(_name: str) -> str:
        seen.append(left.pop(0) if len(left) > 1 else left[0])
        return seen[-1]

    async def answer(*_: Any) -> int:
        return 200

    monkeypatch.setattr(patient_answers, "status_of", status_of)
    monkeypatch.setattr(patient_answers, "LONGEST_SECONDS", 0.2)
    handle = patient_answers.patient(answer)
    assert asyncio.run(handle("POST", "/", headers, urlencode(asked).encode(), {})) == 200
    return seen


@pytest.mark.parametrize("end", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED"])
def test_the_cli_is_answered_at_the_end(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    busy = "UPDATE_IN_PROGRESS"
    assert _statuses_seen(monkeypatch, CLI, ASKED, busy, busy, end) == [busy, busy, end]


def test_a_stack_that_waits_for_the_cli_is_answered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(_statuses_seen(monkeypatch, CLI, ASKED, "REVIEW_IN_PROGRESS")) == 1


def test_a_long_operation_is_answered_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _statuses_seen(monkeypatch, CLI, ASKED, "CREATE_IN_PROGRESS")
    assert len(seen) == 0.2 / patient_answers.LOOK_SECONDS


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"user-agent": "Boto3/1"}, ASKED),
        ({}, ASKED),
        (CLI, {"Action": "DescribeStacks"}),
        (CLI, {"Action": "DescribeStackEvents", "StackName": "flights"}),
    ],
)
def test_every_other_request_is_answered_at_once(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], asked: dict[str, str]
) -> None:
    assert _statuses_seen(monkeypatch, headers, asked, "CREATE_IN_PROGRESS") == []
