"""Roll-out handler: called by the state machine, and by EventBridge to reconcile.

AWS calls, each on the one resource: ``ssm:GetParameters``, ``ssm:PutParameter`` (pointers);
``dynamodb:GetItem``, ``dynamodb:UpdateItem`` (lease table); ``cloudformation:DescribeStacks``,
``cloudformation:DescribeStackEvents``, ``cloudformation:UpdateStack`` (serving stack);
``iam:PassRole`` (its deploy role); ``sagemaker:DescribeEndpoint``,
``sagemaker:UpdateEndpointWeightsAndCapacities`` (endpoint); ``cloudwatch:DescribeAlarms``,
``cloudwatch:DescribeAlarmHistory`` (the variants' alarms).

The state machine retries ``StackBusy``, and nothing else that this function raises.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from core.names import CHALLENGER, CHAMPION
from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.environment import RolloutEnvironment
from lambdas.rollout.guardrail import Alarms
from lambdas.rollout.logic import Holder, Request, Rollout, share
from lambdas.rollout.serving_stack import ServingStack
from lambdas.rollout.settle import Settlement
from lambdas.shared.errors import execution_of, fencing_of, required
from lambdas.shared.leases import LeaseTable
from lambdas.shared.pointer_store import PointerStore

logger = Logger(service=RolloutEnvironment.FUNCTION)


@lru_cache(maxsize=1)
def _environment() -> RolloutEnvironment:
    return RolloutEnvironment.read()


@lru_cache(maxsize=1)
def _rollout() -> Rollout:
    environment = _environment()
    parameters = {
        CHAMPION: environment.champion_parameter,
        CHALLENGER: environment.challenger_parameter,
    }
    return Rollout(
        pointers=PointerStore(boto3.client("ssm"), parameters),
        stack=ServingStack(
            boto3.client("cloudformation"),
            environment.serving_stack,
            environment.serving_deploy_role_arn,
            parameters,
        ),
        endpoint=Endpoint(boto3.client("sagemaker"), environment.endpoint_name),
        lease=LeaseTable(boto3.resource("dynamodb").Table(environment.lease_table)),
    )


@lru_cache(maxsize=1)
def _alarms() -> Alarms:
    guards = filter(None, _environment().guardrail_alarms.split(","))
    return Alarms(boto3.client("cloudwatch"), list(guards))


def _settlement() -> Settlement:
    rollout = _rollout()
    return Settlement(
        pointers=rollout.pointers,
        stack=rollout.stack,
        endpoint=rollout.endpoint,
        lease=rollout.lease,
        alarms=_alarms(),
        settled_share=_environment().challenger_weight,
    )


def _holder(event: dict[str, Any]) -> Holder:
    return Holder(execution_of(event), fencing_of(event))


def _set_weights(event: dict[str, Any]) -> dict[str, Any]:
    """Of an execution while it holds the lease, or of a person who names none."""
    environment, rollout = _environment(), _rollout()
    named = {
        "experiment": environment.experiment_weight,
        "settled": environment.challenger_weight,
    }
    weight = share(event.get("weight"), named)
    if "execution" in event:
        holder = _holder(event)
        rollout.lease.prove(holder.execution_id, holder.fencing)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    changed = rollout.endpoint.set_challenger_weight(weight)
    return {"changed": changed, "weight": weight, "since": since}


def _guardrail(event: dict[str, Any]) -> dict[str, Any]:
    """Which of the given alarms rang since the experiment began."""
    holder = _holder(event)
    _rollout().lease.prove(holder.execution_id, holder.fencing)
    since = datetime.fromisoformat(required(event, "since"))
    return {"alarms": _alarms().rang(event["alarms"], since)}


def _answer(operation: str, event: dict[str, Any]) -> dict[str, Any]:
    match operation:
        case "reconcile":
            return _settlement().reconcile(_ended(event))
        case "settle":
            return _settlement().step(_holder(event), forward=event.get("forward") is True)
        case "status":
            return _rollout().status(_holder(event) if "execution" in event else None)
        case "set_weights":
            return _set_weights(event)
        case "guardrail":
            return _guardrail(event)
    return _rollout().start(
        Request(
            operation=operation,
            package_arn=event.get("package_arn") or "",
            holder=_holder(event),
        )
    )


def _ended(event: dict[str, Any]) -> str:
    """The execution that an event says has ended, or an empty string."""
    return str((event.get("detail") or {}).get("executionArn", ""))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one operation; an EventBridge event (a stack's or endpoint's change, an execution's end,
    a schedule) reconciles.

    Raises:
        StackBusy: the stack or the endpoint is being changed; try again.
        LeaseLost: the execution does not hold the lease.
        BadRequestError: an unknown operation, or input missing.
    """
    operation = "reconcile" if "detail-type" in event else str(event.get("operation"))
    answer = _answer(operation, event)
    logger.info("rollout", extra={"operation": operation, "answer": answer})
    return answer
