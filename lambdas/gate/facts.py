"""What the gate function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import Calls, Group, Service
from lambdas.function import Function
from lambdas.gate.environment import GateEnvironment

GATE = Function(
    environment=GateEnvironment,
    group=Group(
        "gate function",
        (Calls(Service.S3, "reads statistics and evaluations", ("s3:GetObject",)),),
    ),
    core=("contract", "documents", "names"),
    shared=("errors",),
    own=("logic",),
    asks_task=True,
)
