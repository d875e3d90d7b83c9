"""``AWS::Logs::LogGroup``: its name has to be free, and its key has to admit CloudWatch Logs.

AWS asks when the group is made, with the group's ARN as encryption context. A key policy that
forgets the service, or names other groups, fails the deployment there; MiniStack stores the key id.
So it does when a service that makes its own groups puts one under a key (``AssociateKmsKey``).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator import iam_recorder
from local.emulator.extensions import Response, ServiceHandler, Tables
from local.emulator.private_tables import pin, replace
from local.emulator.provisioning import scope
from local.services.kms import key_policies

pin(
    "ministack.services.cloudwatch_logs",
    _create_log_group="callable",
    _log_groups="scoped",
)
pin(
    "ministack.services.cloudformation.provisioners",
    _cwlogs_create="callable",
    _cwlogs_update="callable",
)

_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")


def _admits(key_arn: str, action: str, group_arn: str) -> bool:
    """Whether the key's policy lets CloudWatch Logs do ``action`` for this group."""
    from ministack.core import iam_evaluator as evaluator

    account, region = scope()
    service = f"logs.{region}.amazonaws.com"
    request = evaluator.EvalContext(
        principal_arn=service, principal_type="Service", principal_account=account,
        action=action, resource_arn=key_arn, region=region, source_ip="127.0.0.1",
        secure_transport=True,
        service_context={
            "kms:encryptioncontext:aws:logs:arn": group_arn,
            "aws:sourcearn": group_arn, "aws:sourceaccount": account,
            "aws:principalservicename": service, "aws:principalisawsservice": "true",
        },
    )  # fmt: skip
    policy = evaluator._resource_policy("kms", key_arn)
    result = evaluator.evaluate_resource_policy(policy[0], request, service=service)
    iam_recorder.record(
        service, action, key_arn, result.decision, via=service, statement=result.matched_sid
    )
    return bool(result.decision == "Allow")


def _assert_key_usable(group: str, key: str | None) -> None:
    """Raise ``ValueError`` as CloudWatch Logs words it."""
    if not key:
        return
    account, region = scope()
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    known = key_policies.customer_key(key)
    if known is None or not all(_admits(known, action, arn) for action in _ACTIONS):
        raise ValueError(
            f"The specified KMS key does not exist or is not allowed to be used with Arn {arn!r}"
        )


def _checked_request(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json

        try:
            _assert_key_usable(data.get("logGroupName", ""), data.get("kmsKeyId"))
        except ValueError as error:
            return error_response_json("InvalidParameterException", str(error), 400)
        return original(data)

    return create


def _associated(data: dict[str, Any]) -> Any:
    """``AssociateKmsKey``: what comes into the group from now on is encrypted under the key."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import cloudwatch_logs

    name = data.get("logGroupName", "")
    group = cloudwatch_logs._log_groups.get(name)
    if group is None:
        message = f"The specified log group does not exist: {name}"
        return error_response_json("ResourceNotFoundException", message, 400)
    try:
        _assert_key_usable(name, data.get("kmsKeyId"))
    except ValueError as error:
        return error_response_json("InvalidParameterException", str(error), 400)
    group["kmsKeyId"] = data["kmsKeyId"]
    return json_response({})


def _with_association(original: ServiceHandler) -> ServiceHandler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".AssociateKmsKey"):
            return _associated(json.loads(body or b"{}"))  # type: ignore[no-any-return]
        return await original(method, path, headers, body, query)

    return handle


def _assert_free(name: str) -> None:
    from ministack.services import cloudwatch_logs

    if name in cloudwatch_logs._log_groups:
        raise ValueError(
            f"Resource of type 'AWS::Logs::LogGroup' with identifier "
            f'\'{{"/properties/LogGroupName":"{name}"}}\' already exists.'
        )


def attach(tables: Tables) -> None:
    """Check the name of a new group, and the key before it is made or given another one."""
    replace("ministack.services.cloudwatch_logs", "_create_log_group", _checked_request)
    tables.service_handlers["logs"] = _with_association(tables.service_handlers["logs"])
    entry = tables.resource_handlers["AWS::Logs::LogGroup"]
    create, update = entry["create"], entry["update"]

    def create_group(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        name = props.get("LogGroupName") or f"/aws/cloudformation/{stack}/{logical_id}"
        _assert_free(name)
        _assert_key_usable(name, props.get("KmsKeyId"))
        return create(logical_id, props, stack)  # type: ignore[no-any-return]

    def update_group(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        _assert_key_usable(new.get("LogGroupName") or physical_id, new.get("KmsKeyId"))
        return update(physical_id, old, new, *rest)  # type: ignore[no-any-return]

    entry.update(create=create_group, update=update_group)
