"""No request is lost when the server of one variant dies, or hangs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from config.contract import example_record
from core import names
from local.platform import Platform
from operations.subject import Subject
from tests.support.deployments import subject_of
from tests.support.probe_stack import wait_for

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

REQUESTS = 12


@pytest.fixture(scope="module")
def prod(prod_deployment: Platform) -> Subject:
    """The deployed production settings: the challenger has no share of the traffic."""
    return subject_of(prod_deployment, "prod")


def _pid(platform: Platform, endpoint: str, variant: str) -> int:
    known = json.loads((platform.state_dir / "endpoints.json").read_text())
    return int(known[endpoint][variant]["pid"])


@contextmanager
def _hanging(platform: Platform, endpoint: str, variant: str) -> Iterator[None]:
    """Every process of the variant's container accepts connections and does nothing else."""
    group = os.getpgid(_pid(platform, endpoint, variant))
    assert group != os.getpgrp(), "a container has a process group of its own"
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def _calls(platform: Platform, prod: Subject, answer: requests.Response) -> list[str]:
    """Whom the router asked for a request that failed over, as its log says."""
    request_id = answer.json()["inference_id"]
    logs = platform.client("logs")
    groups = [one.physical_id for one in prod.deployed.of_type("AWS::Logs::LogGroup", "api")]

    def found() -> list[str] | None:
        for group in groups:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                for message in (event["message"] for event in page["events"]):
                    if request_id in message and '"asked"' in message:
                        return list(json.loads(message)["asked"])
        return None

    return wait_for(found, what=f"the router's log of {request_id}")


def _ask(prod: Subject) -> requests.Response:
    record = json.dumps(example_record(prod.deployment.contract["event"]))
    return prod.call_api("POST", names.ROUTE_PREDICTIONS, record)


def test_the_other_variant_answers_until_the_first_is_back(
    prod_deployment: Platform, prod: Subject
) -> None:
    assert _ask(prod).json()["variant"] == names.CHAMPION
    os.kill(_pid(prod_deployment, prod.deployed.endpoint(), names.CHAMPION), signal.SIGKILL)
    answers = [_ask(prod) for _ in range(REQUESTS)]
    assert {answer.status_code for answer in answers} == {200}
    failed_over = [answer.json() for answer in answers if answer.json()["failed_over"]]
    assert failed_over
    assert {found["variant"] for found in failed_over} <= set(names.VARIANTS)

    def back() -> bool:
        answer = _ask(prod).json()
        return answer["variant"] == names.CHAMPION and not answer["failed_over"]

    wait_for(back, seconds=60, what="the champion answers again")


def test_a_hanging_variant_costs_one_call_and_then_none(
    prod_deployment: Platform, prod: Subject
) -> None:
    endpoint = prod.deployed.endpoint()
    wait_for(lambda: _ask(prod).json()["variant"] == names.CHAMPION, what="the champion answers")
    with _hanging(prod_deployment, endpoint, names.CHAMPION):
        answers = [_ask(prod) for _ in range(REQUESTS)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["variant"] for answer in answers} == {names.CHALLENGER}
    assert all(answer.json()["failed_over"] for answer in answers)
    calls = [_calls(prod_deployment, prod, answer) for answer in answers]
    assert calls[0] == ["by weight", names.CHALLENGER]
    assert calls[1] == [names.CHALLENGER]
    assert all(names.CHAMPION not in asked for asked in calls), "never the one that hangs again"

    def back() -> bool:
        answer = _ask(prod).json()
        return answer["variant"] == names.CHAMPION and not answer["failed_over"]

    wait_for(back, seconds=60, what="the champion answers again")
