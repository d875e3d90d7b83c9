"""An API call named in a template (``aws-sdk:glue:startJobRun``) as a boto3 call.

Step Functions and EventBridge Scheduler name services and members as the AWS SDK for Java does;
botocore's models say what they are called on the wire.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.loaders import Loader

# Services whose name in ``aws-sdk:`` ARNs is not botocore's.
_SDK_NAMES = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "secretsmanager": "secretsmanager",
    "sagemakerruntime": "sagemaker-runtime",
    "applicationautoscaling": "application-autoscaling",
}


class UnknownCallError(LookupError):
    """No such service, or no such operation of it."""


def botocore_service(sdk_name: str) -> str:
    """Botocore's name of a service; raises ``UnknownCallError``."""
    service = _SDK_NAMES.get(sdk_name, sdk_name)
    if service not in _services():
        raise UnknownCallError(f"there is no service {sdk_name!r}")
    return service


@functools.cache
def _services() -> frozenset[str]:
    return frozenset(Loader().list_available_services("service-2"))


@functools.cache
def model_of(service: str) -> Any:
    """Botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


def operation(service: str, action: str) -> Any:
    """The model of an operation by its camel-case name; raises ``UnknownCallError``."""
    model = model_of(service)
    wanted = action.lower()
    for name in model.operation_names:
        if name.lower() == wanted:
            return model.operation_model(name)
    raise UnknownCallError(f"{service} has no operation {action}")


def request_for(shape: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters (SDK names; objects where the API wants JSON text) as boto3 arguments."""
    from ministack.services import stepfunctions

    if shape is None:
        return {}
    named = stepfunctions._sdk_json_param_value(dict(parameters), shape)
    request: dict[str, Any] = _texts(named, shape)
    return request


def _texts(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return {
            key: _texts(item, shape.members[key]) if key in shape.members else item
            for key, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_texts(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _texts(item, shape.value) for key, item in value.items()}
    if kind == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value
