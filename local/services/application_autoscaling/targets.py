"""Application Auto Scaling for endpoint variants: targets and policies, kept and bounded.

A registered target bounds the variant's instance count at once, as on AWS, and a variant with a
target cannot be removed or change its instance type. Policies are validated and shown; the
platform runs one server per variant whatever its count, so no alarm moves the count here.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.emulator.extensions import Response, Service, Tables
from local.engines.errors import ServiceError
from local.services.sagemaker import endpoints, wire
from local.services.sagemaker.fleet import Variant

_API = "application-autoscaling"
VARIANT_COUNT = "sagemaker:variant:DesiredInstanceCount"
_SERVICE_ROLE = (
    "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
Record = dict[str, Any]
Key = tuple[str, ...]

_lock = threading.RLock()
_targets: dict[Key, Record] = {}
_policies: dict[Key, Record] = {}


def _scope() -> Key:
    return (get_account_id(), get_region())


def _key(request: Mapping[str, Any], *more: str) -> Key:
    members = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return (*_scope(), *(request[member] for member in members), *more)


def _arn(kind: str, identifier: str) -> str:
    return f"arn:aws:{_API}:{get_region()}:{get_account_id()}:{kind}/{identifier}"


def invalid(message: str) -> ServiceError:
    """What this service calls a request that breaks a rule."""
    return ServiceError("ValidationException", message)


def register(request: Mapping[str, Any]) -> Record:
    """RegisterScalableTarget: create or change a target, and bring the count within bounds."""
    key = _key(request)
    variant = _variant(request)
    with _lock:
        record = dict(_targets.get(key, {}))
        if not record and not {"MinCapacity", "MaxCapacity"} <= request.keys():
            raise invalid("MinCapacity and MaxCapacity are required for a new scalable target.")
        record |= {name: value for name, value in request.items() if name != "Tags"}
        if record["MinCapacity"] > record["MaxCapacity"]:
            raise invalid("Maximum capacity cannot be less than minimum capacity.")
        record.setdefault("CreationTime", wire.now())
        record.setdefault("RoleARN", _SERVICE_ROLE.format(get_account_id()))
        record.setdefault("ScalableTargetARN", _arn("scalable-target", f"{abs(hash(key)):022x}"))
        record.setdefault(
            "SuspendedState",
            dict.fromkeys(
                (
                    "DynamicScalingInSuspended",
                    "DynamicScalingOutSuspended",
                    "ScheduledScalingSuspended",
                ),
                False,
            ),
        )
        _targets[key] = record
    bounded = min(max(variant.instances, record["MinCapacity"]), record["MaxCapacity"])
    variant.instances = bounded
    return {"ScalableTargetARN": record["ScalableTargetARN"]}


def deregister(request: Mapping[str, Any]) -> Record:
    """DeregisterScalableTarget: removes the target's policies too."""
    key = _key(request)
    with _lock:
        if _targets.pop(key, None) is None:
            raise _missing("scalable target")
        for policy in [policy for policy in _policies if policy[: len(key)] == key]:
            del _policies[policy]
    return {}


def put_policy(request: Mapping[str, Any]) -> Record:
    """PutScalingPolicy: create or replace a policy of a registered target."""
    with _lock:
        if _key(request) not in _targets:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: "
                f"{request['ServiceNamespace']}, resource ID: {request['ResourceId']}, "
                f"scalable dimension: {request['ScalableDimension']}",
            )
        key = _key(request, request["PolicyName"])
        name = f"{request['ResourceId']}:policyName/{request['PolicyName']}"
        record = {
            "PolicyARN": _arn("scaling-policy", f"{abs(hash(key)):x}:resource/sagemaker/{name}"),
            "CreationTime": wire.now(),
            "Alarms": [],
            **_policies.get(key, {}),
            **request,
        }
        record.setdefault("PolicyType", "StepScaling")
        _policies[key] = record
    return {"PolicyARN": record["PolicyARN"], "Alarms": record["Alarms"]}


def delete_policy(request: Mapping[str, Any]) -> Record:
    """DeleteScalingPolicy."""
    with _lock:
        if _policies.pop(_key(request, request["PolicyName"]), None) is None:
            raise _missing("scaling policy")
    return {}


def describe_targets(request: Mapping[str, Any]) -> Record:
    """DescribeScalableTargets."""
    wanted = request.get("ResourceIds")
    found = [r for r in _mine(_targets, request) if not wanted or r["ResourceId"] in wanted]
    return {"ScalableTargets": found}


def describe_policies(request: Mapping[str, Any]) -> Record:
    """DescribeScalingPolicies."""
    resource, names = request.get("ResourceId"), request.get("PolicyNames")
    return {
        "ScalingPolicies": [
            record
            for record in _mine(_policies, request)
            if (not resource or record["ResourceId"] == resource)
            and (not names or record["PolicyName"] in names)
        ]
    }


def registered(endpoint: str, variant: str) -> bool:
    """Whether the variant's instance count has a scalable target."""
    resource = f"endpoint/{endpoint}/variant/{variant}"
    return (*_scope(), "sagemaker", resource, VARIANT_COUNT) in _targets


def _mine(table: Mapping[Key, Record], request: Mapping[str, Any]) -> list[Record]:
    prefix = (*_scope(), request["ServiceNamespace"])
    dimension = request.get("ScalableDimension")
    with _lock:
        return [
            record
            for key, record in table.items()
            if key[:3] == prefix and (not dimension or record["ScalableDimension"] == dimension)
        ]


def _variant(request: Mapping[str, Any]) -> Variant:
    parts = request["ResourceId"].split("/")
    if (request["ServiceNamespace"], request["ScalableDimension"]) != ("sagemaker", VARIANT_COUNT):
        raise invalid(f"The local platform scales {VARIANT_COUNT} only.")
    if len(parts) != 4 or parts[0] != "endpoint" or parts[2] != "variant":
        raise invalid("ResourceId has the form endpoint/<endpoint>/variant/<variant>.")
    endpoint: endpoints.Endpoint = endpoints.find(parts[1])["_endpoint"]
    return endpoint.route().variant(parts[3])


def _missing(what: str) -> ServiceError:
    return ServiceError("ObjectNotFoundException", f"No {what} found for the request.")


OPERATIONS: dict[str, Callable[[Mapping[str, Any]], Record]] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "DescribeScalableTargets": describe_targets,
    "PutScalingPolicy": put_policy,
    "DeleteScalingPolicy": delete_policy,
    "DescribeScalingPolicies": describe_policies,
    "DescribeScalingActivities": lambda _: {"ScalingActivities": []},
    "DescribeScheduledActions": lambda _: {"ScheduledActions": []},
}


def call(operation: str, request: Mapping[str, Any]) -> Record:
    """Validate, run, validate: one operation. Raises ServiceError."""
    wire.check_input(_API, operation, request)
    if operation not in OPERATIONS:
        raise invalid(f"{operation} is not in the local platform.")
    answer = OPERATIONS[operation](request)
    wire.check_output(_API, operation, answer)
    return answer


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> Response:
    """MiniStack's entry point: JSON 1.1."""
    del method, path, query
    operation = headers.get("x-amz-target", "").partition(".")[2]
    kind = {"Content-Type": "application/x-amz-json-1.1"}
    try:
        answer = await asyncio.to_thread(call, operation, json.loads(body or b"{}"))
    except ServiceError as error:
        refusal = {"__type": error.code, "message": error.message}
        return error.status, kind, json.dumps(refusal).encode()
    return 200, kind, json.dumps(wire.to_json(answer)).encode()


def attach(tables: Tables) -> None:
    """Register the service; ``local.services.sagemaker`` calls this, it scales nothing else."""
    endpoints.scaling_checks[:] = [registered]
    tables.add_service(
        Service(
            name=_API,
            handler=handle_request,
            iam_namespace=_API,
            target_prefixes=("AnyScaleFrontendService.",),
            signing_names=(_API,),
        )
    )
