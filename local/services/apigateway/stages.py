"""A stage serves the API as its deployment captured it, not as it stands.

MiniStack captures gateway responses at a deployment but routes, authorises and validates with the
resources, methods, models and validators of the moment. So a method that was forgotten among the
deployment's dependencies would work here and be missing on AWS. Here the deployment keeps its own
copy of all four, under a key of its own in MiniStack's tables, and requests are served from it.

Also honoured: a request model for ``$default``, which applies to every content type without a
model of its own, and the gateway response of a request that the web ACL refused.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
"""

from __future__ import annotations

import contextvars
import copy
import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.apigateway_v1"
_TABLES = ("_resources", "_models", "_request_validators")
pin(
    _MODULE,
    _resources="scoped",
    _models="scoped",
    _request_validators="scoped",
    _stages_v1="scoped",
    _create_deployment="callable",
    _delete_deployment="callable",
    _execute_in_scope="callable",
    method_authorization_type="callable",
    _match_resource_tree="callable",
    _match_greedy_fallback="callable",
    _check_request_validation="callable",
    _gateway_error_response="callable",
    _GatewayError=type,
    find_api_scope="callable",
    stages_for_api="callable",
)

# Key of the captured API that serves the request at hand.
_serving: contextvars.ContextVar[str] = contextvars.ContextVar("api_snapshot", default="")


def _key(api_id: str, deployment_id: str) -> str:
    return f"{api_id}@{deployment_id}"


def _captured(api_id: str, stage_name: str) -> str:
    """Key of what the stage's deployment captured; empty for one made before we were attached."""
    from ministack.services import apigateway_v1 as api

    stage = api._stages_v1.get(api_id, {}).get(stage_name) or {}
    key = _key(api_id, stage.get("deploymentId", ""))
    return key if key in api._resources else ""


def _capturing(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(api_id: str, data: dict[str, Any]) -> Any:
        from ministack.services import apigateway_v1 as api

        answer = original(api_id, data)
        if answer[0] < 300:
            key = _key(api_id, json.loads(answer[2])["id"])
            for table in _TABLES:
                found = getattr(api, table)
                found[key] = copy.deepcopy(dict(found.get(api_id, {})))
        return answer

    return create


def _forgetting(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(api_id: str, deployment_id: str) -> Any:
        from ministack.services import apigateway_v1 as api

        answer = original(api_id, deployment_id)
        if answer[0] < 300:
            for table in _TABLES:
                getattr(api, table).pop(_key(api_id, deployment_id), None)
        return answer

    return delete


def _from_deployment(original: Callable[..., Any]) -> Callable[..., Any]:
    async def execute(request: Any, api_id: str, stage_name: str, *rest: Any) -> Any:
        token = _serving.set(_captured(api_id, stage_name))
        try:
            return await original(request, api_id, stage_name, *rest)
        finally:
            _serving.reset(token)

    return execute


def _authorised_by_deployment(original: Callable[..., Any]) -> Callable[..., Any]:
    def authorization_type(api_id: str, stage_name: str, method: str, path: str) -> Any:
        from ministack.core.responses import request_scope
        from ministack.services import apigateway_v1 as api

        scope = api.find_api_scope(api_id)
        if scope is None:
            return None
        with request_scope(*scope):
            token = _serving.set(_captured(api_id, stage_name))
        try:
            return original(api_id, stage_name, method, path)
        finally:
            _serving.reset(token)

    return authorization_type


def _with_captured(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda api_id, *rest: original(_serving.get() or api_id, *rest)


def _validating(original: Callable[..., Any]) -> Callable[..., Any]:
    def check(
        method: dict[str, Any], api_id: str, request: Any, headers: dict[str, str], *rest: Any
    ) -> Any:
        models = method.get("requestModels") or {}
        named = headers.get("content-type") or "application/json"
        content_type = named.split(";", 1)[0].strip()
        if "$default" in models and content_type not in models:
            method = {**method, "requestModels": {content_type: models["$default"]}}
        return original(method, _serving.get() or api_id, request, headers, *rest)

    return check


def refused_by_web_acl(
    api_id: str, stage_name: str, headers: dict[str, str], query: dict[str, list[str]]
) -> tuple[int, dict[str, str], bytes]:
    """The gateway response ``WAF_FILTERED`` of an existing stage."""
    from ministack.core.responses import new_uuid, request_scope
    from ministack.services import apigateway_v1 as api

    scope = api.find_api_scope(api_id)
    stage = api.stages_for_api(api_id).get(stage_name)
    if scope is None or stage is None:
        return 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
    with request_scope(*scope):
        request = {
            "api_id": api_id, "stage_name": stage_name, "headers": headers, "query_params": query,
            "stage": stage, "path_params": {}, "resource_path": "", "request_id": new_uuid(),
        }  # fmt: skip
        error = api._GatewayError("WAF_FILTERED", "Forbidden", "ForbiddenException")
        answer: tuple[int, dict[str, str], bytes] = api._gateway_error_response(error, request)
    return answer


def attach(_tables: Tables) -> None:
    """Capture at each deployment, and serve from what was captured."""
    replace(_MODULE, "_create_deployment", _capturing)
    replace(_MODULE, "_delete_deployment", _forgetting)
    replace(_MODULE, "_execute_in_scope", _from_deployment)
    replace(_MODULE, "method_authorization_type", _authorised_by_deployment)
    replace(_MODULE, "_match_resource_tree", _with_captured)
    replace(_MODULE, "_match_greedy_fallback", _with_captured)
    replace(_MODULE, "_check_request_validation", _validating)
