"""Roll-outs: which packages the pointers should name, and how far the stack is in serving them.

Every decision looks at what is (pointers, and the packages that the stack was last resolved to), so
each call may be repeated after a crash at any point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.names import CHALLENGER, CHAMPION
from lambdas.rollout.endpoint import Endpoint, Serving
from lambdas.rollout.serving_stack import ServingStack, Stack
from lambdas.shared.errors import BadRequestError, StackBusy
from lambdas.shared.leases import LeaseTable
from lambdas.shared.pointer_store import Pointer, PointerStore

CHALLENGE = "start_challenger"
PROMOTE = "start_promotion"
ROLL_BACK = "start_rollback"

Packages = dict[str, str]


@dataclass(frozen=True, slots=True)
class Holder:
    """An execution, and the fencing number that it got with the lease."""

    execution_id: str
    fencing: int


@dataclass(frozen=True, slots=True)
class Request:
    """A roll-out that an execution asks for; ``package_arn`` may be empty."""

    operation: str
    package_arn: str
    holder: Holder


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
            ours = last.get("execution_id") == request.holder.execution_id
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
        now = packages(self.pointers.read())
        intent = self._intent(request, now)
        holder = request.holder
        self.lease.fence(holder.execution_id, holder.fencing, intent)
        for variant, package in intent["target"].items():
            if now[variant] != package:
                self.lease.fence(holder.execution_id, holder.fencing, intent)
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
            "execution_id": request.holder.execution_id,
            "package_arn": request.package_arn,
        }
        if identity.items() <= last.items():
            return {key: value for key, value in last.items() if key != "closed"}
        return {
            **identity,
            "began": self.lease.now(),
            "config": self.stack.describe().config,
            "before": now,
            "target": target(request, now, last),
        }

    def _update(self) -> bool:
        stack = self.stack.describe()
        serving = self.endpoint.read()
        if serving is not None and serving.busy:
            raise StackBusy("the endpoint is being changed")
        return self.stack.update(stack)

    def status(self, holder: Holder | None = None) -> dict[str, str]:
        """How far the stack is: ``in_progress``, ``complete`` or ``failed``, with a reason.

        Complete means that the stack holds the packages that the pointers name, and that the
        endpoint serves the stack's configuration, whatever the last update was called. For an
        execution it also means that those are the packages it asked for, and that the stack did
        not roll back since; its roll-out is then closed.

        Raises:
            LeaseLost: the execution does not hold the lease.
        """
        own = self._own(holder) if holder is not None else {}
        wanted = own.get("target") or packages(self.pointers.read())
        stack, serving = self.stack.describe(), self.endpoint.read()
        if stack.busy:
            return {"state": "in_progress", "reason": stack.status}
        if serving is not None and serving.busy:
            return {"state": "in_progress", "reason": "the endpoint is being changed"}
        problem = self._problem(stack, serving, wanted, own)
        if problem:
            return {"state": "failed", "reason": f"{stack.status}: {problem}"}
        self.lease.close(own)
        return {"state": "complete", "reason": stack.status}

    def _own(self, holder: Holder) -> dict[str, Any]:
        """The roll-out that this execution recorded last; empty when it is another's."""
        self.lease.prove(holder.execution_id, holder.fencing)
        last = self.lease.read().get("rollout", {})
        return dict(last) if last.get("execution_id") == holder.execution_id else {}

    def _problem(
        self, stack: Stack, serving: Serving | None, wanted: Packages, own: Mapping[str, Any]
    ) -> str:
        if different(wanted, stack) or stack.broken or rolled_back_since(stack, own):
            return self.stack.failure() or stack.reason or "the stack serves other packages"
        return not_taken(self.endpoint.name, stack, serving)


def packages(pointers: Mapping[str, Pointer]) -> Packages:
    """Variant -> package of pointers."""
    return {variant: pointer.package_arn for variant, pointer in pointers.items()}


def different(wanted: Packages, stack: Stack) -> list[str]:
    """Variants for which the stack was last resolved to another package."""
    return [variant for variant, package in stack.serving.items() if wanted[variant] != package]


def rolled_back_since(stack: Stack, rollout: Mapping[str, Any]) -> bool:
    """Whether the stack's last update failed and is younger than this recorded roll-out.

    Which packages a stack reports after a rollback then says nothing.
    """
    if not rollout:
        return False
    return stack.rolled_back and stack.updated_at.timestamp() >= int(rollout.get("began", 0))


def not_taken(name: str, stack: Stack, serving: Serving | None) -> str:
    """Why the endpoint does not serve what the stack says, or an empty string.

    SageMaker takes an endpoint whose update was rolled back to ``InService`` again; whoever reads
    the status alone, CloudFormation perhaps among them, believes in the new configuration.
    """
    if serving is None or not stack.config:
        return ""
    if serving.status == "InService" and serving.config == stack.config:
        return ""
    why = serving.failure or "no reason given"
    return f"endpoint {name} is {serving.status} with {serving.config}, not {stack.config}: {why}"


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
