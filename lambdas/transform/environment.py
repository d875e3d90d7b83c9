"""What the transform function reads from its environment."""

from __future__ import annotations

import dataclasses

from core.names import STREAMS
from lambdas.shared.environment import Environment, EnvironmentVariableError, variable


@dataclasses.dataclass(frozen=True, slots=True)
class TransformEnvironment(Environment):
    """Firehose transformation, one function for each stream."""

    FUNCTION = "transform"
    stream: str
    pseudonym_key_arn: str

    def __post_init__(self) -> None:
        if self.stream not in STREAMS:
            raise EnvironmentVariableError(
                f"function transform: {variable('stream')} is {self.stream!r}; "
                f"allowed: {', '.join(STREAMS)}"
            )
