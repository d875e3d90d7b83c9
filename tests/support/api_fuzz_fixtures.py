"""Fixtures of the tests that fuzz the API: the deployment, and what each test leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from config.contract import example_record
from config.load import load_deployment
from local.platform import Platform
from tests.support.api_fuzz import CANARY, CLASSIFIED, FuzzedApi
from tests.support.probe_stack import wait_for

ENVIRONMENT = "demo"
EVENT: Any = load_deployment(ENVIRONMENT).contract["event"]
EXAMPLE: dict[str, Any] = example_record(EVENT) | {CLASSIFIED: CANARY}


def fuzzed(examples: int) -> Callable[[Any], Any]:
    """The same examples in every run, as many as the time allows."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="session")
def deployed_api(demo_deployment: Platform) -> FuzzedApi:
    """The API of the demo's settings."""
    return FuzzedApi.of(demo_deployment, ENVIRONMENT)


@pytest.fixture
def api(deployed_api: FuzzedApi) -> Iterator[FuzzedApi]:
    """The API; afterwards the endpoint was asked for the answers alone, and no log tells more."""
    since, asked, scored = time.time(), deployed_api.endpoint_calls(), deployed_api.scored
    yield deployed_api
    expected = asked + deployed_api.scored - scored
    wait_for(lambda: deployed_api.endpoint_calls() >= expected, what="record of endpoint calls")
    assert deployed_api.endpoint_calls() == expected
    for line in deployed_api.log_lines(since - 1):
        assert CANARY.lower() not in line.lower()
        assert "Traceback" not in line
