"""What every test shares: properties are judged by their truth, not by a clock."""

from __future__ import annotations

import gc

# What the test modules import is a million objects that live as long as the process: looking for
# cycles among them takes longer than the imports, and later a second at a time.
gc.disable()

import pytest  # noqa: E402 - the garbage collector is off before the imports
from hypothesis import settings  # noqa: E402

# What support modules assert is shown as what tests assert.
pytest.register_assert_rewrite("tests.support")
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")


def pytest_collection_finish() -> None:
    """From here on cycles are collected, among what the tests make."""
    gc.freeze()
    gc.enable()
