"""What ingestion hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.kit.platform_function import PlatformFunction


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Outputs of the ingestion stack."""

    stream_names: Mapping[str, str]
    """By stream (``events``, ``labels``)."""
    platform_functions: Mapping[str, PlatformFunction]
    """By the name of their alarms."""
