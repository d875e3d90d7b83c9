"""The SageMaker API: JSON 1.1 requests to handlers, with input and output held to the model."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_region

from local.engines import roles, volumes
from local.engines.errors import ServiceError, not_local, validation
from local.services.sagemaker import (
    endpoints,
    invoke,
    jobs,
    limits,
    models,
    processing,
    registry,
    store,
    training,
    transform,
    wire,
)

Response = tuple[int, dict[str, str], bytes]
Operation = Callable[[Mapping[str, Any]], store.Record]
_log = logging.getLogger("millrace.sagemaker")


def _described(operation: str, find: Callable[[Mapping[str, Any]], store.Record]) -> Operation:
    shape = wire.operation_model("sagemaker", operation).output_shape
    assert shape is not None
    return lambda request: wire.project(shape, find(request))


def _listed(operation: str, table: str, name_member: str) -> Operation:
    return lambda request: store.listing(
        operation, list(getattr(store.tables(), table).values()), request, name_member
    )


def _job_operations(kind: jobs.Kind, create: Operation) -> dict[str, Operation]:
    word = kind.word
    return {
        f"Create{word}Job": create,
        f"Describe{word}Job": _described(
            f"Describe{word}Job", lambda request: jobs.find(kind, request[kind.name_member])
        ),
        f"List{word}Jobs": _listed(f"List{word}Jobs", kind.table, kind.name_member),
        f"Stop{word}Job": lambda request: jobs.stop(kind, request),
    }


def _add_tags(request: Mapping[str, Any]) -> store.Record:
    registry.assert_taggable(request["ResourceArn"])
    store.set_tags(request["ResourceArn"], request["Tags"])
    return {"Tags": _tags(request["ResourceArn"])}


def _list_tags(request: Mapping[str, Any]) -> store.Record:
    return {"Tags": _tags(request["ResourceArn"])}


def _delete_tags(request: Mapping[str, Any]) -> store.Record:
    kept = store.tables().tags.get(request["ResourceArn"], {})
    for key in request["TagKeys"]:
        kept.pop(key, None)
    return {}


def _tags(arn: str) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in store.tables().tags.get(arn, {}).items()]


def operations() -> dict[str, Operation]:
    """Every operation this platform runs; all others are refused by name."""
    return {
        **_job_operations(training.KIND, training.create),
        **_job_operations(processing.KIND, processing.create),
        **_job_operations(transform.KIND, transform.create),
        "CreateModel": models.create_model,
        "DescribeModel": _described(
            "DescribeModel", lambda request: models.find_model(request["ModelName"])
        ),
        "ListModels": _listed("ListModels", "models", "ModelName"),
        "DeleteModel": models.delete_model,
        "CreateEndpointConfig": models.create_endpoint_config,
        "DescribeEndpointConfig": _described(
            "DescribeEndpointConfig",
            lambda request: models.find_endpoint_config(request["EndpointConfigName"]),
        ),
        "ListEndpointConfigs": _listed(
            "ListEndpointConfigs", "endpoint_configs", "EndpointConfigName"
        ),
        "DeleteEndpointConfig": models.delete_endpoint_config,
        "CreateEndpoint": endpoints.create,
        "DescribeEndpoint": _described(
            "DescribeEndpoint",
            lambda request: endpoints.describe_record(endpoints.find(request["EndpointName"])),
        ),
        "ListEndpoints": _listed("ListEndpoints", "endpoints", "EndpointName"),
        "UpdateEndpoint": endpoints.update,
        "UpdateEndpointWeightsAndCapacities": endpoints.update_weights,
        "DeleteEndpoint": endpoints.delete,
        **_registry_operations(),
        "AddTags": _add_tags,
        "ListTags": _list_tags,
        "DeleteTags": _delete_tags,
    }


def _registry_operations() -> dict[str, Operation]:
    return {
        "CreateModelPackageGroup": registry.create_group,
        "DescribeModelPackageGroup": _described(
            "DescribeModelPackageGroup",
            lambda request: registry.find_group(request["ModelPackageGroupName"]),
        ),
        "ListModelPackageGroups": _listed(
            "ListModelPackageGroups", "package_groups", "ModelPackageGroupName"
        ),
        "DeleteModelPackageGroup": registry.delete_group,
        "CreateModelPackage": registry.create_package,
        "DescribeModelPackage": _described(
            "DescribeModelPackage",
            lambda request: registry.find_package(request["ModelPackageName"]),
        ),
        "ListModelPackages": registry.list_packages,
        "UpdateModelPackage": registry.update_package,
        "DeleteModelPackage": registry.delete_package,
    }


def call(operation: str, request: Mapping[str, Any]) -> store.Record:
    """Validate, run, validate: one control-plane operation. Blocking; raises ServiceError."""
    wire.check_input("sagemaker", operation, request)
    limits.check(operation, request, get_region())
    if operation.startswith("Create"):
        roles.check_add_tags(_tagged_arn(operation, request), request.get("Tags"))
    volumes.check(operation, request)
    handler = operations().get(operation)
    if handler is None:
        raise not_local(operation)
    answer = handler(request)
    wire.check_output("sagemaker", operation, answer)
    return answer


def _tagged_arn(operation: str, request: Mapping[str, Any]) -> str:
    """The ARN a create request would tag; versions of a group are named by pattern."""
    word = operation.removeprefix("Create")
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", word).lower()
    name = request.get(f"{word}Name") or f"{request.get('ModelPackageGroupName', '')}/*"
    return store.arn(kind, name)


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> Response:
    """MiniStack's entry point for the control plane."""
    del method, path, query
    return await asyncio.to_thread(_control_plane, headers["x-amz-target"].partition(".")[2], body)


async def handle_runtime_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> Response:
    """MiniStack's entry point for the runtime API."""
    del method, query
    return await invoke.handle(path, headers, body)


def _control_plane(operation: str, body: bytes) -> Response:
    try:
        request = json.loads(body or b"{}")
        if not isinstance(request, dict):
            raise validation("The request is not a JSON object.")
        return _json(200, wire.to_json(call(operation, request)))
    except json.JSONDecodeError as error:
        return _json(400, {"__type": "SerializationException", "message": str(error)})
    except ServiceError as error:
        return _json(error.status, {"__type": error.code, "message": error.message})
    except Exception as error:
        _log.exception("%s", operation)
        return _json(500, {"__type": "InternalFailure", "message": str(error)})


def _json(status: int, document: Mapping[str, Any]) -> Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()
