"""Where traffic should be when no roll-out is under way, and the next step towards it.

Settled is: both pointers name the champion's package, the stack and the endpoint serve it, and the
challenger variant has the share that the settings give. Every way out of a roll-out ends here: the
flow's failure path and its rejection call :meth:`Settlement.step` until it says so, and
``reconcile`` does for what no Catch sees. Each step looks at what is, so it may be repeated.
docs/rollout.md draws the states.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from core.names import CHALLENGER, CHAMPION
from lambdas.rollout.endpoint import Endpoint, Serving
from lambdas.rollout.guardrail import Alarms
from lambdas.rollout.logic import (
    Holder,
    Packages,
    different,
    not_taken,
    packages,
    rolled_back_since,
)
from lambdas.rollout.serving_stack import ServingStack, Stack
from lambdas.shared.errors import StackBusy
from lambdas.shared.leases import LeaseTable
from lambdas.shared.pointer_store import Pointer, PointerStore

SETTLED, IN_PROGRESS, STUCK = "settled", "in_progress", "stuck"
# How long alarms may keep ringing after the traffic was withdrawn, before the update is tried
# anyway. An alarm needs its periods to see that the errors ended.
QUIET_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Settlement:
    """The neighbours of a roll-out, and the challenger's share when none is under way."""

    pointers: PointerStore
    stack: ServingStack
    endpoint: Endpoint
    lease: LeaseTable
    alarms: Alarms
    settled_share: float

    def reconcile(self, ended: str = "") -> dict[str, Any]:
        """A step for what no execution finishes: after crashes, time-outs, stops, failed deploys.

        Args:
            ended: an execution that has ended, whose lease protects nothing any more.

        Returns:
            ``state``, ``changed`` and ``reason``.
        """
        if self.lease.owner() not in ("", ended):
            return _answer(IN_PROGRESS, "an execution holds the lease")
        return self.step(None, forward=True)

    def step(self, holder: Holder | None, *, forward: bool) -> dict[str, Any]:
        """Do the next thing that is needed, or say that everything is settled.

        Args:
            holder: the execution that settles; None for ``reconcile``.
            forward: also roll out a champion pointer that the stack has not tried, which a person
                moved, or an execution that ended then. Otherwise what serves is the champion.

        Returns:
            ``state`` (``settled``, ``in_progress``, or ``stuck``, which takes a person),
            ``changed`` and ``reason``.

        Raises:
            LeaseLost: the execution does not hold the lease.
        """
        if holder is not None:
            self.lease.prove(holder.execution_id, holder.fencing)
        stack, serving = self.stack.describe(), self.endpoint.read()
        if stack.busy or (serving is not None and serving.busy):
            return _answer(IN_PROGRESS, "busy")
        try:
            return self._step(stack, serving, holder, forward)
        except StackBusy as error:
            return _answer(IN_PROGRESS, str(error))

    def _step(
        self, stack: Stack, serving: Serving | None, holder: Holder | None, forward: bool
    ) -> dict[str, Any]:
        last, pointers = self.lease.read().get("rollout", {}), self.pointers.read()
        untaken = self._untaken(stack, serving, last)
        served = untaken or stack.serving
        if self._unpromoted(served, stack, serving, pointers) and self._withdraw(serving):
            return _answer(IN_PROGRESS, "no traffic for an unpromoted model", changed=True)
        # First to what was there before, packages and hence names: the clean-up of an update that
        # the stack believes in deletes the configuration in use; no other follows a missing one.
        champion = self._champion(stack, pointers[CHAMPION], forward)
        wanted = untaken or dict.fromkeys(pointers, champion)
        moved = self._move(packages(pointers), wanted, holder)
        if different(wanted, stack):
            tried = not moved and _failed_just_now(stack, pointers, self.lease.now())
            return self._update(stack, serving, moved, tried)
        answer = self._finish(stack, serving, moved)
        if answer["state"] == SETTLED:
            self.lease.close(last)
        return answer

    def _untaken(
        self, stack: Stack, serving: Serving | None, last: dict[str, Any]
    ) -> Packages | None:
        """What the endpoint went back to, if it did not take the last roll-out although the
        stack says so. A closed one was taken: what became of the endpoint later is no reason."""
        if last.get("closed"):
            return None
        target = {variant: last.get("target", {}).get(variant) for variant in stack.serving}
        if target != stack.serving:
            return None
        # Packages that a stack reports after a rollback may be those it failed to serve.
        undone = rolled_back_since(stack, last) and stack.config == last.get("config")
        untaken = undone or not_taken(self.endpoint.name, stack, serving)
        return dict(last["before"]) if untaken else None

    def _unpromoted(
        self,
        served: Packages,
        stack: Stack,
        serving: Serving | None,
        pointers: Mapping[str, Pointer],
    ) -> bool:
        """Whether the challenger variant serves, or may serve, a model the champion does not."""
        if served.get(CHALLENGER, served[CHAMPION]) != served[CHAMPION]:
            return True
        # What serves after a rollback that failed, of the stack or of the endpoint, is anybody's
        # guess among these.
        unsure = stack.broken or bool(not_taken(self.endpoint.name, stack, serving))
        asked_for = packages(pointers).values()
        return unsure and len({*served.values(), *stack.serving.values(), *asked_for}) > 1

    def _withdraw(self, serving: Serving | None) -> bool:
        """Whether the challenger loses its share now. An endpoint that is not in service may
        refuse that; what a person has to repair must be said all the same."""
        try:
            return self.endpoint.set_challenger_weight(0.0)
        except ClientError as error:
            refused = error.response["Error"]["Code"] == "ValidationException"
            if not refused or serving is None or serving.status == "InService":
                raise
            return False

    @staticmethod
    def _champion(stack: Stack, pointer: Pointer, forward: bool) -> str:
        """The package that both variants should serve."""
        failed = stack.rolled_back and pointer.changed_at <= stack.updated_at
        return pointer.package_arn if forward and not failed else stack.serving[CHAMPION]

    def _move(self, now: Packages, wanted: Packages, holder: Holder | None) -> list[str]:
        moved = [variant for variant, package in wanted.items() if now[variant] != package]
        for variant in moved:
            if holder is not None:
                self.lease.prove(holder.execution_id, holder.fencing)
            self.pointers.write(variant, wanted[variant])
        return moved

    def _update(
        self, stack: Stack, serving: Serving | None, moved: list[str], tried: bool
    ) -> dict[str, Any]:
        if stack.broken:
            return _answer(STUCK, f"stack is in {stack.status}: repair it first", bool(moved))
        if tried:
            return _answer(STUCK, f"the way back failed, too: {self.stack.failure()}")
        ringing = self.alarms.guards_ringing()
        if ringing and serving is not None:
            quiet_at = serving.modified_at.timestamp() + QUIET_SECONDS
            if self.lease.now() < quiet_at:
                reason = f"an update would be rolled back while alarms ring: {', '.join(ringing)}"
                return _answer(IN_PROGRESS, reason, bool(moved))
        self.stack.update(stack)
        return _answer(IN_PROGRESS, "the stack follows the pointers", changed=True)

    def _finish(self, stack: Stack, serving: Serving | None, moved: list[str]) -> dict[str, Any]:
        problem = not_taken(self.endpoint.name, stack, serving)
        if problem:
            return _answer(STUCK, problem, bool(moved))
        if serving is None or not serving.has_challenger:
            return _answer(SETTLED, "pointers and stack agree", bool(moved))
        if math.isclose(serving.challenger_share, self.settled_share, abs_tol=1e-6):
            return _answer(SETTLED, "pointers, stack and weights agree", bool(moved))
        self.endpoint.set_challenger_weight(self.settled_share)
        return _answer(IN_PROGRESS, "weights return to the settings'", changed=True)


def _failed_just_now(stack: Stack, pointers: Mapping[str, Pointer], now: int) -> bool:
    """Whether the stack tried these pointers, in vain and not long ago: the end of each update
    would start the next one. The schedule tries again."""
    tried = all(pointer.changed_at <= stack.updated_at for pointer in pointers.values())
    return stack.rolled_back and tried and now < stack.updated_at.timestamp() + QUIET_SECONDS


def _answer(state: str, reason: str, changed: bool = False) -> dict[str, Any]:
    return {"state": state, "changed": changed, "reason": reason}
