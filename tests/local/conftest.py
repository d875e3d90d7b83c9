"""The local platform, started once per test session with a state directory of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.platform import Platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running emulator with TLS and IAM on; ended with everything it started."""
    with Platform(tmp_path_factory.mktemp("platform")) as running:
        yield running
