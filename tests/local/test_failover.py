"""No request is lost when the server of one variant dies."""

from __future__ import annotations

import json
import os
import signal

import pytest
import requests

from config.contract import example_record
from lambdas.shared import names
from local.platform import Platform
from operations.subject import Subject
from tests.local.deployments import subject_of
from tests.local.probe_stack import wait_for

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

REQUESTS = 12


@pytest.fixture(scope="module")
def prod(prod_deployment: Platform) -> Subject:
    """The deployed production settings: the challenger has no share of the traffic."""
    return subject_of(prod_deployment, "prod")


def _kill(platform: Platform, endpoint: str, variant: str) -> None:
    known = json.loads((platform.state_dir / "endpoints.json").read_text())
    os.kill(int(known[endpoint][variant]["pid"]), signal.SIGKILL)


def _ask(prod: Subject) -> requests.Response:
    record = json.dumps(example_record(prod.deployment.contract["event"]))
    return prod.call_api("POST", names.ROUTE_PREDICTIONS, record)


def test_the_other_variant_answers_until_the_first_is_back(
    prod_deployment: Platform, prod: Subject
) -> None:
    assert _ask(prod).json()["variant"] == names.CHAMPION
    _kill(prod_deployment, prod.deployed.endpoint(), names.CHAMPION)
    answers = [_ask(prod) for _ in range(REQUESTS)]
    assert {answer.status_code for answer in answers} == {200}
    failed_over = [answer.json() for answer in answers if answer.json()["failed_over"]]
    assert failed_over
    assert {found["variant"] for found in failed_over} <= set(names.VARIANTS)

    def back() -> bool:
        answer = _ask(prod).json()
        return answer["variant"] == names.CHAMPION and not answer["failed_over"]

    wait_for(back, what="the champion answers again")
