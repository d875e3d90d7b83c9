"""Custom resource handler of the pointers.

AWS calls: ``ssm:PutParameter``, ``ssm:DeleteParameters`` on the two pointers. Property
``PackageArn`` is the seed package's ARN; attributes are ``Champion`` and ``Challenger``.
"""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools import Logger

from core.names import CHALLENGER, CHAMPION
from lambdas.pointers import response
from lambdas.pointers.environment import PointersEnvironment
from lambdas.pointers.logic import apply
from lambdas.shared.pointer_store import PointerStore

logger = Logger(service=PointersEnvironment.FUNCTION)
PHYSICAL_ID = "millrace-model-pointers"


def _apply(request: dict[str, Any]) -> dict[str, str]:
    environment = PointersEnvironment.read()
    parameters = {
        CHAMPION: environment.champion_parameter,
        CHALLENGER: environment.challenger_parameter,
    }
    return apply(request, PointerStore(boto3.client("ssm"), parameters))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Carry out the request and answer CloudFormation, whatever happens.

    The physical id never changes, or CloudFormation would delete the pointers after an update.
    """
    data: dict[str, str] = {}
    failure: str | None = None
    try:
        data = _apply(event)
    except Exception as error:
        # Whatever it was, CloudFormation must hear of it now rather than in an hour.
        logger.exception("pointers failed")
        failure = f"{type(error).__name__}: {error}"
    answer = response.document(event, PHYSICAL_ID, data, failure)
    response.send(event["ResponseURL"], answer)
    logger.info("pointers", extra={"request": event["RequestType"], "status": answer["Status"]})
    return {"status": answer["Status"]}
