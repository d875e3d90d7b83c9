"""What every test shares: properties are judged by their truth, not by a clock."""

from __future__ import annotations

import pytest
from hypothesis import settings

# What support modules assert is shown as what tests assert.
pytest.register_assert_rewrite("tests.support")
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")
