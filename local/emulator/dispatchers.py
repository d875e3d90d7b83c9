"""Whom EventBridge, alarms, API Gateway and failed functions reach, as the deployed policies say.

Inside MiniStack these services call each other unchecked. On AWS a target is reached either with a
role (Step Functions) or because the target's own policy admits the service principal (Lambda
permission, topic and queue policy), and an encrypted topic or queue needs its key's policy too. A
delivery that AWS would refuse is refused here, recorded, and logged; its event goes to the target's
dead-letter queue.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from local.emulator import dead_letters, service_roles
from local.emulator.admission import assert_service_admitted
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.kms import key_policies

logger = logging.getLogger("millrace.dispatch")

pin(
    "ministack.services.eventbridge",
    _invoke_target="callable",
    _dispatch_to_stepfunctions="callable",
)
pin("ministack.services.stepfunctions", _start_execution="callable")
pin("ministack.services.sns", _fanout="callable", topic_policy_for_arn="callable")
pin("ministack.services.lambda_svc", function_policy_for_arn="callable")
pin("ministack.services.apigateway_v1", _invoke_lambda_proxy_v1="callable")

_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
    "states": "states:StartExecution",
}


def _base_function_arn(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _checked_target(original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(target: dict[str, Any], event: dict[str, Any], rule: Any, *rest: Any) -> Any:
        arn = str(target.get("Arn", ""))
        namespace = arn.split(":")[2] if arn.count(":") >= 5 else ""
        source = (rule or {}).get("Arn", "")
        try:
            if namespace in _ACTIONS:
                _check_target(target, arn, namespace, source)
        except service_roles.AccessDeniedError as error:
            logger.warning("target of %s not reached: %s", source, error)
            dead_letters.keep_event(target, event, source, error)
            return None
        return original(target, event, rule, *rest)

    return invoke


def _check_target(target: dict[str, Any], arn: str, namespace: str, source: str) -> None:
    service = "events.amazonaws.com"
    action, role = _ACTIONS[namespace], target.get("RoleArn")
    if role:
        service_roles.assert_allowed(role, action, arn, service=service)
        return
    resource = _base_function_arn(arn) if namespace == "lambda" else arn
    assert_service_admitted(service, action, resource, source)


def _named_execution(_original: Callable[..., Any]) -> Callable[..., Any]:
    """EventBridge names what it starts by two ids with an underscore, which no job's name takes."""

    def start(arn: str, payload: str) -> None:
        from ministack.services import stepfunctions

        name = f"{uuid.uuid4()}_{uuid.uuid4()}"
        asked = {"stateMachineArn": arn, "input": payload, "name": name}
        status, _, body = stepfunctions._start_execution(asked)
        if status >= 300:
            logger.warning("execution of %s not started: %s", arn, body)

    return start


def may_alarm_publish(alarm_arn: str, topic_arn: str) -> bool:
    """Whether CloudWatch may publish this alarm to this topic."""
    try:
        assert_service_admitted("cloudwatch.amazonaws.com", "sns:Publish", topic_arn, alarm_arn)
    except service_roles.AccessDeniedError as error:
        logger.warning("alarm %s: %s", alarm_arn, error)
        return False
    return True


def _checked_integration(original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke(
        integration: dict[str, Any], api_id: str, stage: str, *rest: Any, **kw: Any
    ) -> Any:
        from ministack.core.responses import get_account_id, get_region
        from ministack.services import apigateway_v1, lambda_svc

        reference = apigateway_v1._extract_lambda_ref_from_integration_uri(
            integration.get("uri", "")
        )
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        if config is not None:
            # The resource matched, not the path asked for, which may end in a slash:
            # docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
            path, method = rest[1]["path"], rest[3]
            source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}"
            source = f"{source}/{stage}/{method}{path}"
            arn = _base_function_arn(config["FunctionArn"])
            try:
                assert_service_admitted(
                    "apigateway.amazonaws.com", "lambda:InvokeFunction", arn, source
                )
            except service_roles.AccessDeniedError as error:
                logger.warning("integration refused: %s", error)
                return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return await original(integration, api_id, stage, *rest, **kw)

    return invoke


pin(
    "ministack.services.apigateway_v1",
    _extract_lambda_ref_from_integration_uri="callable",
    _gw_error="callable",
)
pin(
    "ministack.services.lambda_svc",
    _get_func_record_for_ref="callable",
    _route_async_failure="callable",
    _functions="scoped",
)


def _checked_destination(original: Callable[..., Any]) -> Callable[..., Any]:
    """A failed event reaches its destination with the function's own role."""

    def route(target_arn: str, function: str, event: Any, result: Any) -> Any:
        from ministack.core.responses import get_region
        from ministack.services import lambda_svc

        role = lambda_svc._functions[function]["config"]["Role"]
        namespace = target_arn.split(":")[2]
        action = _ACTIONS.get(namespace, f"{namespace}:PutEvents")
        service = "lambda.amazonaws.com"
        try:
            service_roles.assert_allowed(role, action, target_arn, service=service)
            key_policies.assert_service_role_may_use_key(
                role, action, target_arn, get_region(), service=service
            )
        except service_roles.AccessDeniedError as error:
            logger.warning("failure destination of %s not reached: %s", function, error)
            return None
        return original(target_arn, function, event, result)

    return route


def attach(_tables: Tables) -> None:
    """Check before each dispatch."""
    replace("ministack.services.lambda_svc", "_route_async_failure", _checked_destination)
    replace("ministack.services.eventbridge", "_invoke_target", _checked_target)
    replace("ministack.services.eventbridge", "_dispatch_to_stepfunctions", _named_execution)
    replace("ministack.services.apigateway_v1", "_invoke_lambda_proxy_v1", _checked_integration)
