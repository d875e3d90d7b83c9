"""Fixtures of the stacks' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.copies import ConfigurationCopy, copied


@pytest.fixture
def configuration(tmp_path: Path) -> ConfigurationCopy:
    """The repository's settings and contract in a folder of this test."""
    return copied(tmp_path)
