"""Lease handler: called by the retraining state machine and by EventBridge.

AWS calls: ``dynamodb:UpdateItem``, ``dynamodb:GetItem`` on the lease table. An execution is named
by its ARN (``$$.Execution.Id``), which is also what the status-change event carries.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from lambdas.lease.environment import LeaseEnvironment
from lambdas.lease.logic import Lease
from lambdas.shared.errors import BadRequestError, execution_of, required
from lambdas.shared.leases import LeaseTable

logger = Logger(service=LeaseEnvironment.FUNCTION)


@lru_cache(maxsize=1)
def _lease() -> Lease:
    environment = LeaseEnvironment.read()
    table = boto3.resource("dynamodb").Table(environment.lease_table)
    return Lease(
        LeaseTable(table),
        lease_seconds=environment.lease_minutes * 60,
        cooldown_seconds=environment.cooldown_minutes * 60,
    )


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    if "detail" in event:
        return _lease().release_stopped(event["detail"])
    match event.get("operation"):
        case "acquire":
            return _lease().acquire(execution_of(event))
        case "release":
            return _lease().release(execution_of(event), required(event, "outcome"))
        case other:
            raise BadRequestError(f"operation is {other!r}; allowed: acquire, release")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Acquire, release, or release for a stopped execution.

    Raises:
        BadRequestError: an unknown operation or outcome, or no execution id.
    """
    answer = _answer(event)
    logger.info("lease", extra={"operation": event.get("operation", "stopped"), "answer": answer})
    return answer
