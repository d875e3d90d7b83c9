"""Who may retrain now: acquire, release, and release for an execution that was stopped.

Every operation may be repeated: Step Functions retries a task whose answer got lost, and
EventBridge delivers at least once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdas.shared.errors import BadRequestError
from lambdas.shared.leases import LeaseTable, iso

# After these the next retraining waits; after a failure it may start at once.
OUTCOMES_WITH_COOLDOWN = ("promoted", "rejected")
OUTCOMES = (*OUTCOMES_WITH_COOLDOWN, "failed")
STOPPED_STATES = ("FAILED", "TIMED_OUT", "ABORTED")

_FREE = "(attribute_not_exists(#owner) OR #expires <= :now)"
_RESTED = "(attribute_not_exists(#cooldown) OR #cooldown <= :now)"


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease with its periods in seconds."""

    table: LeaseTable
    lease_seconds: int
    cooldown_seconds: int

    def acquire(self, execution_id: str) -> dict[str, Any]:
        """Take the lease if it is free, expired or already this execution's.

        Returns:
            ``{"acquired": True, "fencing": n}``, or ``acquired`` False with ``reason`` (``held`` or
            ``cooldown``) and ``until`` (UTC) when it may be tried again.
        """
        now = self.table.now()
        item = self.table.update(
            "SET #owner = :owner, #expires = :expires, #acquired = :now, "
            "#fencing = if_not_exists(#fencing, :zero) + :one REMOVE #cooldown",
            f"{_FREE} AND {_RESTED}",
            {
                ":owner": execution_id,
                ":expires": now + self.lease_seconds,
                ":now": now,
                ":zero": 0,
                ":one": 1,
            },
            cooldown="cooldown_until",
            acquired="acquired_at",
        )
        return _acquired(item) if item is not None else self._refused(execution_id, now)

    def _refused(self, execution_id: str, now: int) -> dict[str, Any]:
        item = self.table.read()
        expires, cooldown = int(item.get("expires_at", 0)), int(item.get("cooldown_until", 0))
        if "owner" in item and expires > now:
            if item["owner"] == execution_id:
                return _acquired(item)
            return {"acquired": False, "reason": "held", "until": iso(expires)}
        # Released between the write and this read: wait no longer than it says.
        return {"acquired": False, "reason": "cooldown", "until": iso(max(cooldown, now))}

    def release(self, execution_id: str, outcome: str) -> dict[str, Any]:
        """Give the lease back if this execution still owns it.

        Returns:
            ``{"released": bool}``: False when it is another's by now, or was released before.

        Raises:
            BadRequestError: an outcome other than promoted, rejected or failed.
        """
        if outcome not in OUTCOMES:
            raise BadRequestError(f"outcome is {outcome!r}; allowed: {', '.join(OUTCOMES)}")
        now = self.table.now()
        rests = self.cooldown_seconds if outcome in OUTCOMES_WITH_COOLDOWN else 0
        item = self.table.update(
            "SET #outcome = :outcome, #released = :now, #cooldown = :cooldown "
            "REMOVE #owner, #expires",
            "#owner = :owner",
            {":owner": execution_id, ":outcome": outcome, ":now": now, ":cooldown": now + rests},
            outcome="outcome",
            released="released_at",
            cooldown="cooldown_until",
        )
        return {"released": item is not None}

    def release_stopped(self, detail: dict[str, Any]) -> dict[str, Any]:
        """Release for an execution that Step Functions reports as ended without success.

        A stop or time-out of the whole execution runs none of its Catch branches.
        """
        if detail.get("status") not in STOPPED_STATES:
            return {"released": False}
        return self.release(str(detail.get("executionArn")), "failed")


def _acquired(item: dict[str, Any]) -> dict[str, Any]:
    return {"acquired": True, "fencing": int(item["fencing"]), "until": iso(item["expires_at"])}
