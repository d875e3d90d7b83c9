"""``AWS::CloudWatch::CompositeAlarm``: MiniStack has the API and its rules, but not the type."""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, succeed

pin(
    "ministack.services.cloudwatch",
    _put_composite_alarm="callable",
    _delete_alarms="callable",
    _composite_alarms="scoped",
)

KIND = "AWS::CloudWatch::CompositeAlarm"
Created = tuple[str, dict[str, Any]]


def _request(name: str, props: dict[str, Any]) -> dict[str, Any]:
    request = {key: props[key] for key in props if key not in ("AlarmName", "Tags")}
    enabled = str(props.get("ActionsEnabled", True)).lower() == "true"
    return request | {"AlarmName": name, "ActionsEnabled": enabled, "Tags": props.get("Tags", [])}


def _put(name: str, props: dict[str, Any]) -> Created:
    from ministack.services import cloudwatch

    answer = cloudwatch._put_composite_alarm({}, _request(name, props), is_cbor=False, is_json=True)
    succeed(f"{KIND} {name}", answer)
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _create(logical_id: str, props: dict[str, Any], stack: str) -> Created:
    return _put(props.get("AlarmName") or physical_name(stack, logical_id, 255), props)


def _update(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> Created:
    return _put(physical_id, new)


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import cloudwatch

    request = {"AlarmNames": [physical_id]}
    answer = cloudwatch._delete_alarms({}, request, is_cbor=False, is_json=True)
    succeed(KIND, answer, missing_is_fine=True)


def types() -> list[ResourceType]:
    """The type of this module."""
    return [
        ResourceType(KIND, _create, _delete, update=_update, create_only=frozenset({"AlarmName"}))
    ]
