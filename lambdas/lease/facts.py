"""What the lease function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import Calls, Group, Service
from lambdas.function import Function
from lambdas.lease.environment import LeaseEnvironment

LEASE = Function(
    environment=LeaseEnvironment,
    group=Group(
        "lease function",
        (
            Calls(
                Service.DYNAMODB,
                "takes and gives back the lease",
                ("dynamodb:GetItem", "dynamodb:UpdateItem"),
            ),
        ),
    ),
    core=("names",),
    shared=("errors", "leases"),
    own=("logic",),
)
