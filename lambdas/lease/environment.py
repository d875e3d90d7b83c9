"""What the lease function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import Environment


@dataclasses.dataclass(frozen=True, slots=True)
class LeaseEnvironment(Environment):
    """Lease and cooldown of retraining."""

    FUNCTION = "lease"
    lease_table: str
    lease_minutes: int
    cooldown_minutes: int
