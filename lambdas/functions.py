"""Every function by name. A new one is a folder and its line here."""

from __future__ import annotations

from lambdas.function import Function
from lambdas.gate.facts import GATE
from lambdas.lease.facts import LEASE
from lambdas.pointers.facts import POINTERS
from lambdas.registry.facts import REGISTRY
from lambdas.rollout.facts import ROLLOUT
from lambdas.router.facts import ROUTER
from lambdas.transform.facts import TRANSFORM

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (TRANSFORM, ROUTER, LEASE, GATE, REGISTRY, ROLLOUT, POINTERS)
}
