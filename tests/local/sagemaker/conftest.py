"""Endpoints on the emulator, which end with the test that made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.platform import Platform
from tests.support.endpoints import Endpoints


@pytest.fixture(scope="module")
def world(platform: Platform) -> Iterator[Endpoints]:
    """One bucket and role; what the module's fixtures have made ends with the module."""
    made = Endpoints(platform)
    yield made
    made.end(made.names)


@pytest.fixture(autouse=True)
def servers_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each server holds a model and its libraries: a session's would fill a machine's memory."""
    if "world" not in request.fixturenames:
        yield
        return
    world: Endpoints = request.getfixturevalue("world")
    before = set(world.names)
    yield
    world.end(world.names - before)
