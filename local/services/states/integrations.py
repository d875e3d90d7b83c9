"""Service integrations of Step Functions as signed requests of the state machine's role.

MiniStack serves the integrations it knows in process, past IAM. Here every one, optimised or
``aws-sdk:``, is a boto3 call with the role's session, so a missing grant (iam:PassRole
included) fails the state as it does on AWS. Names of parameters, results and errors follow the
documentation: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from ministack.services import stepfunctions

from local.emulator import sdk_calls, service_roles

PRINCIPAL = "states.amazonaws.com"
PREFIX = "arn:aws:states:::"

# Optimised integrations: service in the ARN -> (botocore service, error prefix, generic error).
OPTIMISED = {
    "dynamodb": ("dynamodb", "DynamoDB", "AmazonDynamoDBException"),
    "events": ("events", "EventBridge", "EventBridgeException"),
    "glue": ("glue", "Glue", "AWSGlueException"),
    "sagemaker": ("sagemaker", "SageMaker", "AmazonSageMakerException"),
    "sns": ("sns", "SNS", "AmazonSNSException"),
    "sqs": ("sqs", "SQS", "AmazonSQSException"),
}


def run(resource: str, parameters: Any) -> Any:
    """The result of one integration, without waiting for a job it may have started."""
    try:
        service, action, prefix, generic, sdk = _parsed(resource)
        operation = sdk_calls.operation(service, action)
    except sdk_calls.UnknownCallError as error:
        raise service_roles.task_error("States.Runtime", f"{resource}: {error}") from error
    model = sdk_calls.model_of(service)
    request = sdk_calls.request_for(operation.input_shape, parameters or {})
    try:
        client = service_roles.client_as(service_roles.execution_role(), service, PRINCIPAL)
        answer = client._make_api_call(operation.name, request)
    except ClientError as error:
        name = _error_name(model, error, prefix, generic)
        raise service_roles.task_error(name, _cause(error, service)) from error
    except ParamValidationError as error:
        raise service_roles.task_error("States.Runtime", str(error)) from error
    except service_roles.AccessDeniedError as error:
        raise service_roles.task_error(f"{prefix}.{generic}", str(error)) from error
    except BotoCoreError as error:
        raise service_roles.task_error(f"{prefix}.{generic}", str(error)) from error
    answer.pop("ResponseMetadata", None)
    return _sdk_result(answer, operation.output_shape) if sdk else plain(answer)


def plain(value: Any) -> Any:
    """A boto3 answer as an optimised integration returns it: times in epoch milliseconds."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.read().decode(errors="replace") if hasattr(value, "read") else value


def _parsed(resource: str) -> tuple[str, str, str, str, bool]:
    """Botocore service, camel-case action, error prefix, generic error, whether ``aws-sdk:``."""
    parts = re.sub(r"\.(sync(:2)?|waitForTaskToken)$", "", resource).removeprefix(PREFIX).split(":")
    if parts[0] != "aws-sdk":
        service, prefix, generic = OPTIMISED[parts[0]]
        return service, parts[1], prefix, generic, False
    service = sdk_calls.botocore_service(parts[1])
    prefix = _java_name(sdk_calls.model_of(service).service_id.replace(" ", ""))
    return service, parts[2], prefix, f"{prefix}Exception", True


def _java_name(name: str) -> str:
    known: Mapping[str, str] = stepfunctions._AWS_SDK_ERROR_PREFIX
    return known.get(name.lower(), name)


def _sdk_result(value: Any, shape: Any) -> Any:
    """An answer under the SDK's member names, times as ISO 8601 text."""
    return _iso(stepfunctions._sdk_json_value(value, shape)) if shape is not None else {}


def _iso(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if isinstance(value, Mapping):
        return {key: _iso(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_iso(item) for item in value]
    return plain(value)


def _error_name(model: Any, error: ClientError, prefix: str, generic: str) -> str:
    """``Prefix.ModelledException``, or the service's generic exception for any other code."""
    code = error.response["Error"].get("Code", "")
    modelled = {name for shape in model.error_shapes for name in (shape.name, shape.error_code)}
    if code not in modelled:
        return f"{prefix}.{generic}"
    return f"{prefix}.{code}" if code.endswith("Exception") else f"{prefix}.{code}Exception"


def _cause(error: ClientError, service: str) -> str:
    details, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
    return (
        f"{details.get('Message', '')} (Service: {service}; Status Code: "
        f"{meta.get('HTTPStatusCode')}; Error Code: {details.get('Code')}; Request ID: "
        f"{meta.get('RequestId')})"
    )
