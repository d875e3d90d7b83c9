"""What the pointers function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import Environment


@dataclasses.dataclass(frozen=True, slots=True)
class PointersEnvironment(Environment):
    """Custom resource that creates the pointers."""

    FUNCTION = "pointers"
    champion_parameter: str
    challenger_parameter: str
