"""CloudFormation types of Application Auto Scaling, by the calls that CloudFormation makes."""
# ruff: noqa: ARG002 -- handlers share one signature

# ruff: noqa: ARG002 -- handlers share one signature
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.emulator.extensions import ResourceType
from local.engines.errors import ServiceError
from local.services.application_autoscaling import targets as autoscaling
from local.services.sagemaker import wire

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]


def _scaling(operation: str, properties: Mapping[str, Any]) -> Properties:
    try:
        return autoscaling.call(
            operation, wire.from_properties("application-autoscaling", operation, properties)
        )
    except ServiceError as error:
        raise ValueError(f"{error.message} (Error Code: {error.code})") from None


class _Target:
    """ScalableTarget: ``Ref`` is resource, dimension and namespace joined by bars."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        members = {k: v for k, v in properties.items() if k not in ("ScheduledActions", "Tags")}
        if properties.get("ScheduledActions"):
            raise ValueError("ScheduledActions are not in the local platform.")
        _scaling("RegisterScalableTarget", members)
        parts = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        identifier = "|".join(properties[part] for part in parts)
        return identifier, {"Id": identifier}

    def update(
        self, identifier: str, old: Properties, new: Properties, stack: str, logical_id: str | None
    ) -> Provisioned:
        return self.create(logical_id or identifier, new, stack)

    def delete(self, identifier: str, properties: Properties) -> None:
        resource, dimension, namespace = identifier.split("|")
        found = _scaling(
            "DescribeScalableTargets", {"ServiceNamespace": namespace, "ResourceIds": [resource]}
        )
        if found["ScalableTargets"]:
            request = {"ResourceId": resource, "ScalableDimension": dimension}
            _scaling("DeregisterScalableTarget", {**request, "ServiceNamespace": namespace})


class _Policy:
    """ScalingPolicy: names its target by ``ScalingTargetId`` or by the three members."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn = _scaling("PutScalingPolicy", self._members(properties))["PolicyARN"]
        return arn, {"Arn": arn}

    def update(
        self, arn: str, old: Properties, new: Properties, stack: str, logical_id: str | None
    ) -> Provisioned:
        return self.create(logical_id or arn, new, stack)

    def delete(self, arn: str, properties: Properties) -> None:
        named = self._members(properties)
        members = ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
        request = {member: named[member] for member in members}
        found = _scaling(
            "DescribeScalingPolicies",
            {"ServiceNamespace": request["ServiceNamespace"], "ResourceId": request["ResourceId"],
             "PolicyNames": [request["PolicyName"]]},
        )  # fmt: skip
        if found["ScalingPolicies"]:
            _scaling("DeleteScalingPolicy", request)

    def _members(self, properties: Properties) -> Properties:
        members = {k: v for k, v in properties.items() if k != "ScalingTargetId"}
        if "ScalingTargetId" in properties:
            parts = properties["ScalingTargetId"].split("|")
            names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
            members |= dict(zip(names, parts, strict=True))
        return members


_TARGET_CREATE_ONLY = "ResourceId ScalableDimension ServiceNamespace"
_POLICY_CREATE_ONLY = "PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace"


# type -> (handlers, create-only properties, the property that names it)
TYPES: dict[str, tuple[Any, str, str | None]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (_Target(), _TARGET_CREATE_ONLY, None),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (_Policy(), _POLICY_CREATE_ONLY, "PolicyName"),
}


def types() -> list[ResourceType]:
    """The types of this module."""
    return [
        ResourceType(
            name=name,
            create=handlers.create,
            update=handlers.update,
            delete=handlers.delete,
            create_only=frozenset(create_only.split()),
            blocking=True,
            name_property=name_property,
        )
        for name, (handlers, create_only, name_property) in TYPES.items()
    ]
