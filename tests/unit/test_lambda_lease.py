"""The lease: one holder, a number that only grows, and no way to stay stuck."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

from core.names import LEASE_KEY
from lambdas.lease import handler as functions
from lambdas.lease.logic import Lease
from lambdas.shared.errors import BadRequestError, LeaseLost
from lambdas.shared.leases import FENCE_SECONDS, LeaseTable
from tests.support.records import KEEP_SESSION

LEASE_SECONDS, COOLDOWN_SECONDS = 600, 3600
FIRST = "arn:aws:states:eu-west-1:123456789012:execution:retrain:first"
SECOND = "arn:aws:states:eu-west-1:123456789012:execution:retrain:second"


class Clock:
    """Time that passes when the test says so."""

    seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def table(aws_environment: None) -> Iterator[Any]:
    with mock_aws(config=KEEP_SESSION):
        yield boto3.resource("dynamodb").create_table(
            TableName="lease",
            KeySchema=[{"AttributeName": LEASE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": LEASE_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(table: Any, clock: Clock) -> Lease:
    return Lease(LeaseTable(table, clock), LEASE_SECONDS, COOLDOWN_SECONDS)


def test_the_first_gets_it_and_the_second_hears_until_when(lease: Lease) -> None:
    assert lease.acquire(FIRST)["fencing"] == 1
    answer = lease.acquire(SECOND)
    assert answer == {"acquired": False, "reason": "held", "until": "2023-11-14T22:23:20Z"}


def test_a_repeated_acquire_gets_the_same_number(lease: Lease) -> None:
    assert lease.acquire(FIRST) == lease.acquire(FIRST)


@pytest.mark.parametrize("outcome", ["promoted", "rejected"])
def test_after_an_outcome_everyone_waits_for_the_cooldown(
    lease: Lease, clock: Clock, outcome: str
) -> None:
    lease.acquire(FIRST)
    assert lease.release(FIRST, outcome) == {"released": True}
    answer = lease.acquire(SECOND)
    assert (answer["acquired"], answer["reason"]) == (False, "cooldown")
    clock.seconds += COOLDOWN_SECONDS
    assert lease.acquire(SECOND)["fencing"] == 2


def test_after_a_failure_the_next_may_start_at_once(lease: Lease) -> None:
    lease.acquire(FIRST)
    lease.release(FIRST, "failed")
    assert lease.acquire(SECOND)["fencing"] == 2


def test_an_expired_lease_is_taken_over_and_its_owner_can_neither_write_nor_release(
    lease: Lease, clock: Clock
) -> None:
    first = lease.acquire(FIRST)["fencing"]
    clock.seconds += LEASE_SECONDS
    second = lease.acquire(SECOND)["fencing"]
    assert second == first + 1
    assert lease.release(FIRST, "promoted") == {"released": False}
    with pytest.raises(LeaseLost):
        lease.table.fence(FIRST, first, {})
    lease.table.fence(SECOND, second, {})


def test_a_release_counts_once(lease: Lease) -> None:
    lease.acquire(FIRST)
    assert lease.release(FIRST, "rejected")["released"]
    assert not lease.release(FIRST, "failed")["released"]
    assert lease.acquire(SECOND)["reason"] == "cooldown"


def test_an_unknown_outcome_is_refused(lease: Lease) -> None:
    with pytest.raises(BadRequestError, match="allowed: promoted, rejected, failed"):
        lease.release(FIRST, "finished")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_stopped_execution_gives_its_own_lease_back(lease: Lease, status: str) -> None:
    lease.acquire(FIRST)
    assert not lease.release_stopped({"status": status, "executionArn": SECOND})["released"]
    assert lease.release_stopped({"status": status, "executionArn": FIRST})["released"]
    assert not lease.release_stopped({"status": status, "executionArn": FIRST})["released"]
    assert lease.acquire(SECOND)["acquired"]


def test_a_success_leaves_the_lease_to_the_flow_itself(lease: Lease) -> None:
    lease.acquire(FIRST)
    assert not lease.release_stopped({"status": "SUCCEEDED", "executionArn": FIRST})["released"]
    assert lease.table.owner() == FIRST


def test_a_fence_wants_the_number_and_time_left(lease: Lease, clock: Clock) -> None:
    fencing = lease.acquire(FIRST)["fencing"]
    item = lease.table.fence(FIRST, fencing, {"operation": "start_challenger"})
    assert item["rollout"] == {"operation": "start_challenger"}
    with pytest.raises(LeaseLost):
        lease.table.fence(FIRST, fencing + 1, {})
    clock.seconds += LEASE_SECONDS - FENCE_SECONDS
    with pytest.raises(LeaseLost):
        lease.table.fence(FIRST, fencing, {})


@pytest.fixture
def atomic_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto checks the condition and writes in two steps; DynamoDB does both in one."""
    guard, update = threading.Lock(), DynamoDBBackend.update_item

    def update_item(*arguments: Any, **options: Any) -> Any:
        with guard:
            return update(*arguments, **options)

    monkeypatch.setattr(DynamoDBBackend, "update_item", update_item)


@pytest.mark.usefixtures("atomic_updates")
def test_of_many_at_once_one_wins(lease: Lease) -> None:
    answers: list[dict[str, Any]] = []
    together = threading.Barrier(8)

    def compete(number: int) -> None:
        together.wait()
        answers.append(lease.acquire(f"execution-{number}"))

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["acquired"] for answer in answers) == [False] * 7 + [True]
    assert {answer["reason"] for answer in answers if not answer["acquired"]} == {"held"}


@pytest.fixture
def deployed(table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MILLRACE_LEASE_TABLE", "lease")
    monkeypatch.setenv("MILLRACE_LEASE_MINUTES", "10")
    monkeypatch.setenv("MILLRACE_COOLDOWN_MINUTES", "0")
    functions._lease.cache_clear()
    yield
    functions._lease.cache_clear()


def test_the_handler_speaks_to_the_flow_and_to_eventbridge(deployed: None) -> None:
    acquire = {"operation": "acquire", "execution_id": FIRST, "execution": {"id": FIRST}}
    assert functions.handler(acquire, None)["fencing"] == 1
    stopped = {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"status": "ABORTED", "executionArn": FIRST},
    }
    assert functions.handler(stopped, None) == {"released": True}
    second = {"operation": "acquire", "execution": {"id": SECOND}}
    assert functions.handler(second, None)["fencing"] == 2
    release = {"operation": "release", "execution_id": SECOND, "outcome": "promoted"}
    assert functions.handler(release, None) == {"released": True}


@pytest.mark.parametrize("event", [{}, {"operation": "steal"}, {"operation": "acquire"}])
def test_the_handler_refuses_what_it_does_not_know(deployed: None, event: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        functions.handler(event, None)
