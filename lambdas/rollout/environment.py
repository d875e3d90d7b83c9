"""What the rollout function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import MAY_BE_EMPTY, Environment


@dataclasses.dataclass(frozen=True, slots=True)
class RolloutEnvironment(Environment):
    """Pointers and the serving stack. Weights are the challenger's share, 0 to 1.

    ``guardrail_alarms`` are names joined by commas; none while the endpoint is off.
    """

    FUNCTION = "rollout"
    champion_parameter: str
    challenger_parameter: str
    serving_stack: str
    serving_deploy_role_arn: str
    endpoint_name: str = dataclasses.field(metadata=MAY_BE_EMPTY)
    lease_table: str
    experiment_weight: float
    challenger_weight: float
    guardrail_alarms: str = dataclasses.field(metadata=MAY_BE_EMPTY)
