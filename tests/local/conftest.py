"""The local platform, empty or with every stack, started once per test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import account
from local.platform import Platform
from tests.support.deployments import VARIABLES, deployed_platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running emulator with TLS and IAM on; ended with everything it started."""
    with Platform(tmp_path_factory.mktemp("platform"), variables=VARIABLES) as running:
        account.prepare(running.client)
        yield running


@pytest.fixture(scope="session")
def demo_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Every stack of the demo's settings; who leaves it changed leaves it serving."""
    with deployed_platform(tmp_path_factory.mktemp("demo"), "demo", VARIABLES) as running:
        yield running


@pytest.fixture(scope="session")
def prod_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Every stack of the production settings."""
    with deployed_platform(tmp_path_factory.mktemp("prod"), "prod", VARIABLES) as running:
        yield running
