"""What the transform function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import PSEUDONYMS, Group
from lambdas.function import VALIDATOR, Function
from lambdas.transform.environment import TransformEnvironment

TRANSFORM = Function(
    environment=TransformEnvironment,
    group=Group("transform functions of the delivery streams", (PSEUDONYMS,)),
    core=(*VALIDATOR, "pseudonyms"),
    shared=("pseudonym_key",),
    own=("logic",),
)
