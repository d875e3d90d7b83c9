"""Registry handler: called by the retraining state machine.

AWS calls: ``ssm:GetParameter`` on the champion's pointer, ``sagemaker:DescribeModelPackage`` and
``sagemaker:CreateModelPackage`` on the group and its packages, ``s3:GetObject`` on
``evaluations/*/evaluation.json`` and, for SageMaker's own checks of what it registers,
``s3:GetObject`` on ``models/*`` of the artifacts bucket.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from core import contract, names
from core.documents import read_json
from lambdas.registry import logic
from lambdas.registry.environment import RegistryEnvironment
from lambdas.shared.errors import BadRequestError, required
from model_code import tasks

logger = Logger(service=RegistryEnvironment.FUNCTION)


@lru_cache(maxsize=1)
def _environment() -> RegistryEnvironment:
    return RegistryEnvironment.read()


@lru_cache(maxsize=1)
def _ssm() -> Any:
    return boto3.client("ssm")


@lru_cache(maxsize=1)
def _sagemaker() -> Any:
    return boto3.client("sagemaker")


@lru_cache(maxsize=1)
def _s3() -> Any:
    return boto3.client("s3")


def _champion() -> dict[str, Any]:
    parameter = _ssm().get_parameter(Name=_environment().champion_parameter)
    arn = parameter["Parameter"]["Value"]
    package = _sagemaker().describe_model_package(ModelPackageName=arn)
    return {"package_arn": arn, "model_data_url": logic.model_data_url(package)}


def _snapshots(event: dict[str, Any]) -> dict[str, str]:
    found = event.get("snapshots")
    if not isinstance(found, dict) or {*map(type, found.values())} != {str}:
        raise BadRequestError("snapshots is not given; allowed: the id of a snapshot by stream")
    return found


def _register(event: dict[str, Any]) -> dict[str, Any]:
    environment = _environment()
    run_id = required(event, "run_id")
    key = f"{names.ARTIFACTS_EVALUATIONS}{environment.model}/{run_id}/{names.EVALUATION_FILE}"
    evaluation = read_json(_s3(), environment.artifacts_bucket, key)
    candidate = logic.Candidate(
        run_id=run_id,
        training_job=required(event, "training_job"),
        model_data_url=required(event, "model_data_url"),
        evaluation_uri=f"s3://{environment.artifacts_bucket}/{key}",
        contract_version=contract.load()["version"],
        snapshots=_snapshots(event),
    )
    request = logic.package_request(
        environment.package_group,
        environment.image_uri,
        candidate,
        evaluation,
        tasks.of(contract.load()),
    )
    package = _sagemaker().create_model_package(**request)
    return {"package_arn": package["ModelPackageArn"]}


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    match event.get("operation"):
        case "champion":
            return _champion()
        case "register":
            return _register(event)
        case other:
            raise BadRequestError(f"operation is {other!r}; allowed: champion, register")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Describe the champion, or register a candidate as a model package.

    Raises:
        BadRequestError: an unknown operation, or input missing.
        botocore.exceptions.ClientError: SageMaker, S3 or Parameter Store refused.
    """
    answer = _answer(event)
    logger.info("registry", extra={"operation": event["operation"], "answer": answer})
    return answer
