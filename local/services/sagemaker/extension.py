"""Attaches the SageMaker service to the emulator: routing, IAM resources, upkeep."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ministack.core.responses import get_account_id, get_region

from local.emulator.extensions import Service, Tables
from local.engines import host, process
from local.engines.container import build
from local.services.application_autoscaling import targets
from local.services.application_autoscaling import types as scaling_types
from local.services.sagemaker import endpoints, invoke, metrics, service, store, types
from local.services.sagemaker.fleet import publish_debug

# Member of a request -> resource part of the ARN that IAM checks it against.
_RESOURCES = {
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "TransformJobName": "transform-job",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
    "ModelPackageArn": "model-package",
    "ResourceArn": "",
}


def resource_arns(
    _method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
) -> list[str]:
    """The ARNs a request is authorised on; ``*`` for operations without a resource.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """
    operation = headers.get("x-amz-target", "").partition(".")[2]
    if not operation:
        name = path.strip("/").split("/")
        return [_arn("endpoint", name[1])] if len(name) > 1 else ["*"]
    if operation.startswith("List") and operation != "ListTags":
        return ["*"]
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return ["*"]
    return list(_named(operation, request)) if isinstance(request, dict) else ["*"]


def _named(operation: str, request: dict[str, object]) -> Iterable[str]:
    members = [member for member in _RESOURCES if isinstance(request.get(member), str)]
    if operation == "CreateTransformJob":
        members = ["TransformJobName"]
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in request:
        # A version's number is not known yet, so policies name the group's versions by pattern.
        group = str(request["ModelPackageGroupName"]).rsplit("/", 1)[-1]
        yield _arn("model-package-group", group)
        yield _arn("model-package", f"{group}/*")
        return
    for member in members:
        value = str(request[member])
        yield value if value.startswith("arn:") else _arn(_RESOURCES[member], value)


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"


def _refresh_debug() -> None:
    for record in store.all_endpoints():
        endpoint: endpoints.Endpoint = record["_endpoint"]
        if endpoint.fleet is not None:
            publish_debug(endpoint.name, endpoint.fleet)


def _shut_down() -> None:
    for record in store.all_endpoints():
        record["_endpoint"].close()
    metrics.flush()
    process.end_all()


def attach(tables: Tables) -> None:
    """Register both APIs, which share a signing name.

    Apart, because MiniStack words content types by a service's protocol: under the control plane's
    the runtime API would call a model's ``application/json`` ``application/x-amz-json-1.1``.
    """
    host.set_state_dir(tables.state_dir)
    # Without the image's packages no job runs: better told now than by the first one.
    build.site_packages()
    tables.add_service(
        Service(
            name="sagemaker",
            handler=service.handle_request,
            iam_namespace="sagemaker",
            target_prefixes=("SageMaker.",),
            resource_arns=resource_arns,
        )
    )
    tables.add_service(
        Service(
            name="sagemaker-runtime",
            handler=service.handle_runtime_request,
            iam_namespace="sagemaker",
            signing_names=("sagemaker",),
            botocore_name="sagemaker-runtime",
            resource_arns=resource_arns,
        )
    )
    tables.every("sagemaker-metrics", 1.0, metrics.flush)
    tables.every("sagemaker-debug", 0.5, _refresh_debug)
    tables.on_shutdown(_shut_down)
    targets.attach(tables)
    for scaled in scaling_types.types():
        tables.add_resource_type(scaled)
    types.attach(tables)


__all__ = ["attach", "invoke", "resource_arns"]
