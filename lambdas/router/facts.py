"""What the router function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import PSEUDONYMS, Calls, Group, Service
from lambdas.function import VALIDATOR, Function
from lambdas.router.environment import RouterEnvironment

ROUTER = Function(
    environment=RouterEnvironment,
    group=Group(
        "router function of the API",
        (
            PSEUDONYMS,
            Calls(Service.SAGEMAKER_RUNTIME, "invokes the endpoint", ("sagemaker:InvokeEndpoint",)),
        ),
    ),
    core=(*VALIDATOR, "pseudonyms"),
    shared=("pseudonym_key",),
    own=("endpoint", "failover", "http", "logic"),
    asks_task=True,
)
