"""A roll-out that a challenger entered, and what has to hold once it settled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.support.records import KEEP_SESSION
from tests.support.rollout_world import World

ROLLED_BACK = "Request to update endpoint failed: one or more alarms rang"


@pytest.fixture
def world(aws_environment: None) -> Iterator[World]:
    with mock_aws(config=KEEP_SESSION):
        yield World()


def challenged(world: World, share: float = 0.1) -> None:
    """A challenger that answers a share of the requests."""
    world.start("start_challenger", "new")
    world.cloudformation.finish()
    world.rollout.endpoint.set_challenger_weight(share)
    world.cloudformation.updates.clear()
    world.sagemaker.weights.clear()


def assert_settled(world: World, package: str = "seed") -> None:
    assert world.pointers() == world.serving() == (package, package)
    assert world.sagemaker.config == f"config-{package}-{package}"
    assert world.sagemaker.share == 0
