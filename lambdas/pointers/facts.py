"""What the pointers function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import Calls, Group, Service
from lambdas.function import Function
from lambdas.pointers.environment import PointersEnvironment

POINTERS = Function(
    environment=PointersEnvironment,
    group=Group(
        "pointers custom resource",
        (
            Calls(
                Service.SSM,
                "creates and deletes the model pointers",
                ("ssm:DeleteParameters", "ssm:PutParameter"),
            ),
            # By a URL that CloudFormation signed.
            Calls(Service.S3, "puts its answer where CloudFormation waits for it"),
        ),
    ),
    core=("names",),
    shared=("pointer_store",),
    own=("logic", "response"),
)
