"""CloudFormation acts with the stack's service role, and only as far as that role allows.

MiniStack drops ``RoleARN``. Here it is kept per stack, as CloudFormation keeps it: the role has to
trust CloudFormation, the caller has to be allowed to pass it, and each SageMaker resource and alarm
that the operation creates, updates or deletes is decided by the role's policies. Roll-outs rest on
this: they update the serving stack under a role that can only serve another model. Resources of
other services are not decided per action (the deploying role is an administrator there).
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from local.emulator import role_trust, service_roles
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

SERVICE = "cloudformation.amazonaws.com"
_STACKS = "ministack.services.cloudformation.stacks"

pin("ministack.services.cloudformation", handle_request="callable")
pin(
    _STACKS,
    _provision_resource="callable",
    _update_resource="callable",
    _delete_resource="callable",
)

# type -> (word of the API's operations, ARN segment, property holding a role to pass)
_ACTS: dict[str, tuple[str, str, str | None]] = {
    "AWS::SageMaker::Model": ("Model", "model", "ExecutionRoleArn"),
    "AWS::SageMaker::EndpointConfig": ("EndpointConfig", "endpoint-config", None),
    "AWS::SageMaker::Endpoint": ("Endpoint", "endpoint", None),
    "AWS::SageMaker::ModelPackage": ("ModelPackage", "model-package", None),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroup", "model-package-group", None),
    "AWS::CloudWatch::Alarm": ("Alarm", "alarm", None),
}
# CloudWatch has one operation for making and changing an alarm.
_ALARM_ACTIONS = {
    "CreateAlarm": "cloudwatch:PutMetricAlarm",
    "UpdateAlarm": "cloudwatch:PutMetricAlarm",
    "DeleteAlarm": "cloudwatch:DeleteAlarms",
}
_roles: dict[str, str] = {}
# Action and stack of the CloudFormation request being served.
_serving: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar(
    "cloudformation_request", default=("", "")
)


def role_of(stack: str) -> str:
    """The service role the stack's operations use, or an empty string."""
    return _roles.get(stack, "")


def request() -> tuple[str, str]:
    """Action and stack of the CloudFormation request being served; empty outside of one."""
    return _serving.get()


def _stack_name(reference: str) -> str:
    return reference.split("/")[1] if reference.startswith("arn:") else reference


def _refusal(message: str) -> tuple[int, dict[str, str], bytes]:
    body = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
        f"<Message>{message}</Message></Error></ErrorResponse>"
    )
    return 400, {"Content-Type": "text/xml"}, body.encode()


def _remember_role(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Any:
        if body and b"StackName" in body:
            form = parse_qs(body.decode(errors="replace"))
            role, stack = form.get("RoleARN", [""])[0], form.get("StackName", [""])[0]
            _serving.set((form.get("Action", [""])[0], _stack_name(stack)))
            if role and stack:
                try:
                    role_trust.assert_trusted(role, SERVICE)
                    service_roles.assert_caller_may_pass(role, SERVICE)
                except service_roles.AccessDeniedError as error:
                    return _refusal(str(error))
                _roles[_stack_name(stack)] = role
        return await original(method, path, headers, body, query)

    return handle_request


def _arn(kind: str, name: str) -> str:
    from ministack.core.responses import get_account_id, get_region

    segment = _ACTS[kind][1]
    if segment == "alarm":
        return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{segment}/{name}"


def _name_of(physical_id: str) -> str:
    return physical_id.rsplit("/", 1)[-1] if physical_id.startswith("arn:") else physical_id


def _allow(stack: str, kind: str, verb: str, name: str, props: dict[str, Any]) -> None:
    """Raise ``ValueError`` (the reason CloudFormation shows) unless the role may act."""
    role = role_of(stack)
    word, _, passed = _ACTS[kind]
    try:
        action = _ALARM_ACTIONS.get(f"{verb}{word}", f"sagemaker:{verb}{word}")
        service_roles.assert_allowed(role, action, _arn(kind, name), service=SERVICE)
        if passed and verb != "Delete" and props.get(passed):
            context = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            service_roles.assert_allowed(
                role, "iam:PassRole", props[passed], context, service=SERVICE
            )
        if kind == "AWS::SageMaker::Endpoint" and verb != "Delete":
            _allow_volumes(role, props)
    except service_roles.AccessDeniedError as error:
        raise ValueError(f"Resource handler returned message: {error}") from error


def _allow_volumes(role: str, props: dict[str, Any]) -> None:
    """Who makes or changes an endpoint makes the grant on its volumes' key."""
    from local.engines import volumes
    from local.services.sagemaker import models

    config = models.find_endpoint_config(props["EndpointConfigName"])
    volumes.assert_may_grant(role, config.get("KmsKeyId", ""), SERVICE)


def _decided(stack: str | None, kind: str) -> bool:
    return bool(stack) and kind in _ACTS and bool(role_of(str(stack)))


def _provision(original: Callable[..., Any]) -> Callable[..., Any]:
    def provision(kind: str, logical_id: str, props: dict[str, Any], stack: str) -> Any:
        named = props.get(f"{_ACTS[kind][0]}Name") if kind in _ACTS else None
        if _decided(stack, kind) and named:
            _allow(stack, kind, "Create", named, props)
        created = original(kind, logical_id, props, stack)
        if _decided(stack, kind) and not named:
            try:
                _allow(stack, kind, "Create", _name_of(created[0]), props)
            except ValueError:
                from ministack.services.cloudformation import provisioners

                provisioners._delete_resource(kind, created[0], props, stack, logical_id)
                raise
        return created

    return provision


def _update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(
        kind: str, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str,
        *rest: Any,
    ) -> Any:  # fmt: skip
        from ministack.services.cloudformation import provisioners

        if _decided(stack, kind) and old != new:
            replaced = provisioners._replacing_change(kind, old, new)
            name = _name_of(physical_id)
            if replaced:
                name = new.get(f"{_ACTS[kind][0]}Name") or name
            _allow(stack, kind, "Create" if replaced else "Update", name, new)
        return original(kind, physical_id, old, new, stack, *rest)

    return update


def _delete(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(
        kind: str, physical_id: str, props: dict[str, Any],
        stack: str | None = None, logical_id: str | None = None,
    ) -> Any:  # fmt: skip
        if _decided(stack, kind):
            _allow(str(stack), kind, "Delete", _name_of(physical_id), props)
        return original(kind, physical_id, props, stack, logical_id)

    return delete


pin("ministack.services.cloudformation.provisioners", _replacing_change="callable")


def attach(_tables: Tables) -> None:
    """Keep the role of each stack and decide its SageMaker operations."""
    replace("ministack.services.cloudformation", "handle_request", _remember_role)
    replace(_STACKS, "_provision_resource", _provision)
    replace(_STACKS, "_update_resource", _update)
    replace(_STACKS, "_delete_resource", _delete)
