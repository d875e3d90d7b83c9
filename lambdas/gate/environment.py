"""What the gate function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import Environment


@dataclasses.dataclass(frozen=True, slots=True)
class GateEnvironment(Environment):
    """Data-quality and champion gates."""

    FUNCTION = "gate"
    model: str
    features_bucket: str
    artifacts_bucket: str
