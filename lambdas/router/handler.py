"""Router handler: API Gateway's proxy event in, proxy answer out.

AWS calls: ``sagemaker:InvokeEndpoint`` on the endpoint, ``kms:GenerateMac`` on the key of the
pseudonyms once per container.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from core import contract
from lambdas.router.endpoint import Scored, score
from lambdas.router.environment import RouterEnvironment
from lambdas.router.failover import (
    BRISK_SECONDS,
    CONNECT_SECONDS,
    PATIENT_SECONDS,
    Failover,
)
from lambdas.router.http import ApiError, answer, error_body, request_of
from lambdas.router.logic import Router, Score
from lambdas.shared.pseudonym_key import pseudonymiser_of
from model_code import tasks

logger = Logger(service=RouterEnvironment.FUNCTION)


def call_settings(seconds: float) -> Config:
    """One call: each further one asks another variant, or is shorter (lambdas/router/failover)."""
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )


@lru_cache(maxsize=2)
def _client(last: bool) -> Any:
    seconds = PATIENT_SECONDS if last else BRISK_SECONDS
    return boto3.client("sagemaker-runtime", config=call_settings(seconds))


@lru_cache(maxsize=1)
def _router() -> Router:
    environment = RouterEnvironment.read()
    return Router(
        contract=contract.load(),
        batch_records=environment.batch_records,
        pseudonymiser=partial(pseudonymiser_of, environment.pseudonym_key_arn),
        score=_scorer(environment) if environment.endpoint_name else None,
    )


def _scorer(environment: RouterEnvironment) -> Score:
    failover = Failover(environment.variants.split(","))
    endpoint, task = environment.endpoint_name, tasks.of(contract.load())

    def scored(records: list[dict[str, Any]], request_id: str, variant: str) -> Scored:
        found = score(
            _client, failover, task, endpoint, records, request_id=request_id, variant=variant
        )
        if found.failed_over:
            asked = [name or "by weight" for name in found.asked]
            logger.warning(
                "variant failed over",
                extra={"request_id": request_id, "answered_by": found.variant, "asked": asked},
            )
        return found

    return scored


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request; whatever goes wrong becomes an answer without internals."""
    request = request_of(event)
    if not request.request_id:
        request = replace(request, request_id=str(uuid.uuid4()))
    try:
        response = _router().route(request)
    except ApiError as error:
        response = answer(error.status, error.body, error.headers)
    except Exception as error:
        # The type alone: messages of unexpected errors may quote a record.
        logger.error("request failed", extra={"error": type(error).__name__})
        body = {"error": error_body("internal", None, "the request could not be answered")}
        response = answer(500, body)
    logger.info(
        "request answered",
        extra={"request_id": request.request_id, "status": response["statusCode"]},
    )
    return response
