"""What the flows send to functions: the members of each operation's payload.

A task of a flow is built from here, so a member that is misspelt or forgotten fails at synth;
``tests/stacks/test_calls.py`` compares with what the handlers read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

CALLS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "gate": {
        "quality": frozenset({"run_id"}),
        "decide": frozenset({"run_id"}),
    },
    "lease": {
        "acquire": frozenset({"execution"}),
        "release": frozenset({"execution", "outcome"}),
    },
    "registry": {
        "champion": frozenset(),
        "register": frozenset({"run_id", "training_job", "model_data_url", "snapshots"}),
    },
    "rollout": {
        "guardrail": frozenset({"execution", "alarms", "since"}),
        "reconcile": frozenset(),
        "set_weights": frozenset({"execution", "weight"}),
        "settle": frozenset({"execution", "forward"}),
        "start_challenger": frozenset({"execution", "package_arn"}),
        "start_promotion": frozenset({"execution", "package_arn"}),
        "status": frozenset({"execution"}),
    },
}
"""Function → operation → members beside ``operation``. ``execution`` holds ``id`` and, once there
is a lease, its ``fencing`` number."""


def payload(function: str, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a call.

    Args:
        function: whose operation it is, such as ``gate``.
        operation: one of :data:`CALLS`.
        given: its members; a name that ends in ``.$`` is a path.

    Raises:
        ValueError: no such operation, or other members than it has.
    """
    has = CALLS[function].get(operation)
    names = frozenset(name.removesuffix(".$") for name in given)
    if names != has:
        wants = "no such operation" if has is None else ", ".join(sorted(has)) or "nothing"
        raise ValueError(f"{function} {operation} is given {sorted(names)}; expected: {wants}")
    return {"operation": operation, **given}
