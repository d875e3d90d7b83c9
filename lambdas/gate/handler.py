"""Gate handler: called by the retraining state machine.

AWS calls: ``s3:GetObject`` on the model's ``runs/*/statistics.json`` of the features bucket and
``evaluations/*/evaluation.json`` of the artifacts bucket (and ``kms:Decrypt`` of their keys).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from core import contract, names
from core.documents import read_json
from lambdas.gate import logic
from lambdas.gate.environment import GateEnvironment
from lambdas.shared.errors import BadRequestError, required

logger = Logger(service=GateEnvironment.FUNCTION)


@lru_cache(maxsize=1)
def _environment() -> GateEnvironment:
    return GateEnvironment.read()


@lru_cache(maxsize=1)
def _s3() -> Any:
    return boto3.client("s3")


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    environment, run_id = _environment(), required(event, "run_id")
    match event.get("operation"):
        case "quality":
            key = f"{names.FEATURES_RUNS}{environment.model}/{run_id}/{names.STATISTICS_FILE}"
            statistics = read_json(_s3(), environment.features_bucket, key)
            judged = logic.quality(contract.load(), statistics)
            return judged | {"snapshots": statistics["snapshots"]}
        case "decide":
            key = (
                f"{names.ARTIFACTS_EVALUATIONS}{environment.model}/{run_id}/{names.EVALUATION_FILE}"
            )
            evaluation = read_json(_s3(), environment.artifacts_bucket, key)
            return logic.decide(contract.load(), evaluation)
        case other:
            raise BadRequestError(f"operation is {other!r}; allowed: quality, decide")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Judge a run's data (``quality``) or its candidate (``decide``).

    Raises:
        BadRequestError: an unknown operation, or no run id.
        botocore.exceptions.ClientError: the run left no such document.
    """
    answer = _answer(event)
    logger.info("gate", extra={"operation": event["operation"], "answer": answer})
    return answer
