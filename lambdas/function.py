"""The form of a function's facts. No archive holds them: they are for who packs and deploys it."""

from __future__ import annotations

from dataclasses import dataclass

from core.workload import Group
from lambdas.shared.environment import Environment

# Modules of ``core`` that validate a record, for functions that do.
VALIDATOR = (
    "arrivals", "checks", "contract", "fields", "names", "parsing", "records", "texts"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Function:
    """One function: ``lambdas/<name>/facts.py`` holds its own, beside the handler.

    What it is given (description, memory, roles) stands where a stack makes it.
    """

    environment: type[Environment]
    """What it reads, which says its name, too."""
    group: Group
    """Its security group and what it calls from there."""
    core: tuple[str, ...]
    """Modules that its archive takes from ``core``."""
    shared: tuple[str, ...]
    """Those from ``lambdas/shared``, beside ``environment``."""
    own: tuple[str, ...]
    """Those from its folder, beside ``handler`` and ``environment``."""
    asks_task: bool = False
    """It reads the contract and asks its task: the archive takes every task."""

    @property
    def name(self) -> str:
        """Its folder below ``lambdas/``."""
        return self.environment.FUNCTION
