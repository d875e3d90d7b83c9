"""Roll-out handler: called by the state machine, and by EventBridge to reconcile.

AWS calls, each on the one resource: ``ssm:GetParameters``, ``ssm:PutParameter`` (pointers);
``dynamodb:GetItem``, ``dynamodb:UpdateItem`` (lease table); ``cloudformation:DescribeStacks``,
``cloudformation:DescribeStackEvents``, ``cloudformation:UpdateStack`` (serving stack);
``iam:PassRole`` (its deploy role); ``sagemaker:DescribeEndpoint``,
``sagemaker:UpdateEndpointWeightsAndCapacities`` (endpoint).

The state machine retries ``StackBusy``, and nothing else that this function raises.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from lambdas.rollout.endpoint import Endpoint
from lambdas.rollout.logic import Request, Rollout, share
from lambdas.rollout.serving_stack import ServingStack
from lambdas.shared.environment import RolloutEnvironment
from lambdas.shared.errors import execution_of, fencing_of
from lambdas.shared.leases import LeaseTable
from lambdas.shared.names import CHALLENGER, CHAMPION
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


def _set_weights(event: dict[str, Any]) -> dict[str, Any]:
    environment = _environment()
    named = {
        "experiment": environment.experiment_weight,
        "settled": environment.challenger_weight,
    }
    weight = share(event.get("weight"), named)
    return {"changed": _rollout().endpoint.set_challenger_weight(weight), "weight": weight}


def _answer(operation: str, event: dict[str, Any]) -> dict[str, Any]:
    match operation:
        case "reconcile":
            return _rollout().reconcile()
        case "status":
            return _rollout().status()
        case "set_weights":
            return _set_weights(event)
    return _rollout().start(
        Request(
            operation=operation,
            package_arn=event.get("package_arn") or "",
            execution_id=execution_of(event),
            fencing=fencing_of(event),
        )
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one operation; an EventBridge event (a stack's change, a schedule) reconciles.

    Raises:
        StackBusy: the stack or the endpoint is being changed; try again.
        LeaseLost: the execution does not hold the lease.
        BadRequestError: an unknown operation, or input missing.
    """
    operation = "reconcile" if "detail-type" in event else str(event.get("operation"))
    answer = _answer(operation, event)
    logger.info("rollout", extra={"operation": operation, "answer": answer})
    return answer
