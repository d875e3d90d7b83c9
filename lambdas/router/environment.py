"""What the router function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import MAY_BE_EMPTY, Environment


@dataclasses.dataclass(frozen=True, slots=True)
class RouterEnvironment(Environment):
    """API in front of the endpoint. ``endpoint_name`` is empty while the endpoint is off.

    ``variants`` are the names of those that answer clients, joined by commas.
    """

    FUNCTION = "router"
    endpoint_name: str = dataclasses.field(metadata=MAY_BE_EMPTY)
    variants: str
    pseudonym_key_arn: str
    batch_records: int
