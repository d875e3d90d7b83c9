"""Roll-outs: which packages the pointers should name, and how far the stack is in serving them.

Every decision looks at what is (pointers, and the packages that the stack was last resolved to), so
each call may be repeated after a crash at any point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.serving_stack import ServingStack, Stack
from lambdas.shared.errors import BadRequestError, StackBusy
from lambdas.shared.leases import LeaseTable
from lambdas.shared.names import CHALLENGER, CHAMPION
from lambdas.shared.pointer_store import Pointer, PointerStore

CHALLENGE = "start_challenger"
PROMOTE = "start_promotion"
ROLL_BACK = "start_rollback"

Packages = dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A roll-out that an execution asks for; ``package_arn`` may be empty."""

    operation: str
    package_arn: str
    execution_id: str
    fencing: int


def target(request: Request, now: Packages, last: Mapping[str, Any]) -> Packages:
    """Which packages the pointers should name.

    Args:
        request: what is asked for.
        now: variant -> package at present.
        last: the last recorded roll-out: ``operation``, ``execution_id``, ``before``.

    Raises:
        BadRequestError: an unknown operation, or a challenger without a package.
    """
    champion, package = now[CHAMPION], request.package_arn
    match request.operation:
        case "start_challenger":
            if not package:
                raise BadRequestError("package_arn is missing; start_challenger needs it")
            return {CHAMPION: champion, CHALLENGER: package}
        case "start_promotion":
            promoted = package or now[CHALLENGER]
            return {CHAMPION: promoted, CHALLENGER: promoted}
        case "start_rollback":
            ours = last.get("execution_id") == request.execution_id
            if not package and ours and last.get("operation") == PROMOTE:
                champion = last["before"][CHAMPION]
            return {CHAMPION: package or champion, CHALLENGER: package or champion}
        case other:
            allowed = f"{CHALLENGE}, {PROMOTE}, {ROLL_BACK}"
            raise BadRequestError(f"operation is {other!r}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Rollout:
    """The roll-out operations over their four neighbours."""

    pointers: PointerStore
    stack: ServingStack
    endpoint: Endpoint
    lease: LeaseTable

    def start(self, request: Request) -> dict[str, Any]:
        """Move the pointers and start the stack's update.

        Returns:
            ``started`` (False when the stack already serves the target), ``previous`` and
            ``target`` packages by variant.

        Raises:
            LeaseLost: the execution does not hold the lease.
            StackBusy: try again; the pointers may have moved already, which does no harm.
        """
        now = _packages(self.pointers.read())
        intent = self._intent(request, now)
        self.lease.fence(request.execution_id, request.fencing, intent)
        for variant, package in intent["target"].items():
            if now[variant] != package:
                self.lease.fence(request.execution_id, request.fencing, intent)
                self.pointers.write(variant, package)
        return {
            "started": self._update(),
            "previous": intent["before"],
            "target": intent["target"],
        }

    def _intent(self, request: Request, now: Packages) -> dict[str, Any]:
        """What to do, as first decided: a repeated call must not take its own work for the past."""
        last = self.lease.read().get("rollout", {})
        identity = {
            "operation": request.operation,
            "execution_id": request.execution_id,
            "package_arn": request.package_arn,
        }
        if identity.items() <= last.items():
            return dict(last)
        return {**identity, "before": now, "target": target(request, now, last)}

    def _update(self) -> bool:
        stack = self.stack.describe()
        if self.endpoint.busy():
            raise StackBusy("the endpoint is being changed")
        return self.stack.update(stack)

    def status(self) -> dict[str, str]:
        """How far the stack is: ``in_progress``, ``complete`` or ``failed``, with a reason.

        Complete means that the stack holds the packages that the pointers name, whatever its last
        update was called.
        """
        stack = self.stack.describe()
        if stack.busy:
            return {"state": "in_progress", "reason": stack.status}
        different = _different(self.pointers.read(), stack)
        if not different and not stack.broken:
            if self.endpoint.busy():
                return {"state": "in_progress", "reason": "the endpoint is being changed"}
            return {"state": "complete", "reason": stack.status}
        reason = self.stack.failure() or stack.reason or "the stack serves other packages"
        return {"state": "failed", "reason": f"{stack.status}: {reason}"}

    def reconcile(self) -> dict[str, Any]:
        """Bring pointers and stack together after a crash or a failed update.

        A pointer that the stack has not tried is rolled out. A pointer whose update failed and was
        rolled back is returned to the package that serves, or each deploy would fail on it again.
        While an execution holds the lease, or CloudFormation is at work, nothing is done.

        Returns:
            ``changed`` and ``reason``.
        """
        stack = self.stack.describe()
        if stack.busy or self.endpoint.busy():
            return {"changed": False, "reason": "busy"}
        if self.lease.held():
            return {"changed": False, "reason": "an execution holds the lease"}
        pointers = self.pointers.read()
        different = _different(pointers, stack)
        if not different:
            return {"changed": False, "reason": "pointers and stack agree"}
        if stack.broken:
            return {"changed": False, "reason": f"stack is in {stack.status}: repair it first"}
        failed = [
            variant
            for variant in different
            if stack.rolled_back and pointers[variant].changed_at <= stack.updated_at
        ]
        for variant in failed:
            self.pointers.write(variant, stack.serving[variant])
        if len(failed) == len(different):
            return {"changed": True, "reason": f"returned after a failed update: {failed}"}
        return {"changed": self.stack.update(stack), "reason": f"rolled out: {different}"}


def _packages(pointers: Mapping[str, Pointer]) -> Packages:
    return {variant: pointer.package_arn for variant, pointer in pointers.items()}


def _different(pointers: Mapping[str, Pointer], stack: Stack) -> list[str]:
    return [
        variant
        for variant, package in stack.serving.items()
        if pointers[variant].package_arn != package
    ]


def share(weight: object, named: Mapping[str, float]) -> float:
    """A challenger's share of the traffic: a number from 0 to 1, or the name of a configured one.

    Raises:
        BadRequestError: anything else.
    """
    if isinstance(weight, str) and weight in named:
        return named[weight]
    if isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight <= 1:
        return float(weight)
    raise BadRequestError(f"weight is {weight!r}; allowed: 0 to 1, {', '.join(named)}")
