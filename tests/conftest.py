"""What every test shares: properties are judged by their truth, not by a clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")
