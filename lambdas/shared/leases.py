"""The retraining lease: one DynamoDB item, changed by conditional writes only.

The item's ``fencing`` number grows with each acquisition and never falls, so a holder that was
delayed past its expiry can be told from the one that took over. The roll-out function proves its
number in the same write that records what it is about to change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from core.names import LEASE_KEY, LEASE_RETRAINING
from lambdas.shared.errors import LeaseLost

Item = dict[str, Any]
_NAMES = {"#owner": "owner", "#expires": "expires_at", "#fencing": "fencing", "#key": LEASE_KEY}
# A holder must have this long left: moving a pointer takes a few calls after the check.
FENCE_SECONDS = 30


def iso(seconds: float) -> str:
    """Epoch seconds as ``2013-01-01T10:15:00Z``."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class LeaseTable:
    """Reads and conditional writes of the lease item.

    Args:
        table: a boto3 DynamoDB ``Table``.
        now: epoch seconds.
    """

    def __init__(self, table: Any, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now

    def now(self) -> int:
        """Epoch seconds, as stored."""
        return int(self._now())

    def read(self) -> Item:
        """The item, read consistently; empty before the first acquisition."""
        answer = self._table.get_item(Key=self._key(), ConsistentRead=True)
        return dict(answer.get("Item", {}))

    def update(
        self, expression: str, condition: str, values: Mapping[str, Any], **names: str
    ) -> Item | None:
        """Change the item if the condition holds.

        Placeholders ``#key``, ``#owner``, ``#expires`` and ``#fencing`` are defined; further ones
        come as keyword arguments (``state="…"`` defines ``#state``).

        Returns:
            The new item, or None when the condition does not hold.
        """
        texts = expression + condition
        known = {**_NAMES, **{f"#{key}": name for key, name in names.items()}}
        try:
            answer = self._table.update_item(
                Key=self._key(),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={k: v for k, v in known.items() if k in texts},
                ExpressionAttributeValues=dict(values),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return dict(answer["Attributes"])

    def owner(self) -> str:
        """Execution that holds the lease now; empty when it is free or expired."""
        item = self.read()
        held = "owner" in item and int(item["expires_at"]) > self.now()
        return str(item["owner"]) if held else ""

    def prove(self, execution_id: str, fencing: int) -> None:
        """Make sure that the execution still holds the lease, and for long enough to act.

        Raises:
            LeaseLost: another execution took over, or too little time is left.
        """
        item = self.read()
        if (
            item.get("owner") != execution_id
            or int(item.get("fencing", -1)) != fencing
            or int(item["expires_at"]) <= self.now() + FENCE_SECONDS
        ):
            raise _lost(execution_id, fencing)

    def fence(self, execution_id: str, fencing: int, intent: Mapping[str, Any]) -> Item:
        """Prove that the execution holds the lease and record what it is about to do.

        Args:
            execution_id: who claims to hold the lease.
            fencing: the number that it got when it acquired.
            intent: stored as ``rollout`` on the item, replacing the last one.

        Raises:
            LeaseLost: another execution took over, or too little time is left.
        """
        item = self.update(
            "SET #rollout = :intent",
            "#owner = :owner AND #fencing = :fencing AND #expires > :safe",
            {
                ":intent": dict(intent),
                ":owner": execution_id,
                ":fencing": fencing,
                ":safe": self.now() + FENCE_SECONDS,
            },
            rollout="rollout",
        )
        if item is None:
            raise _lost(execution_id, fencing)
        return item

    def close(self, intent: Mapping[str, Any]) -> None:
        """Mark a recorded roll-out as ended, unless another one has been recorded since.

        What happens to the endpoint later is none of its business any more.
        """
        if intent and not intent.get("closed"):
            self.update(
                "SET #rollout.#closed = :closed",
                "#rollout = :intent",
                {":intent": dict(intent), ":closed": True},
                rollout="rollout",
                closed="closed",
            )

    @staticmethod
    def _key() -> dict[str, str]:
        return {LEASE_KEY: LEASE_RETRAINING}


def _lost(execution_id: str, fencing: int) -> LeaseLost:
    return LeaseLost(
        f"execution {execution_id} does not hold the lease with fencing number {fencing}"
    )
