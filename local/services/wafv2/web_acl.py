"""The web ACL associated with an API stage decides before the API does.

MiniStack stores web ACLs and never applies them. Evaluated here, in priority order, before
authorisation as on AWS: size constraints, rate limits, IP sets, byte and regex matches, and their
combinations (``web_acl_rules``). A blocking rule's custom response comes before the API's gateway
responses, as AWS documents. AWS's managed rule groups are not public and never match here.

https://docs.aws.amazon.com/waf/latest/APIReference/API_Statement.html
https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-for-blocked-requests.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from local.emulator import refusals
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.apigateway import stages
from local.services.cloudwatch import metrics
from local.services.wafv2 import logs
from local.services.wafv2.rules import BODY_LIMITS, DEFAULT_BODY_LIMIT, WebRequest, decide

BODY_TYPES = {
    "APPLICATION_JSON": "application/json",
    "TEXT_HTML": "text/html",
    "TEXT_PLAIN": "text/plain",
}
pin(
    "ministack.app",
    _handle_execute_api_request="callable",
    _parse_execute_api_url="callable",
)
_WAF = "ministack.services.waf"
pin(_WAF, _associations="scoped", _web_acls="scoped", _waf_err="callable")
pin(_WAF, **dict.fromkeys(("_create_web_acl", "_update_web_acl", "_associate_web_acl"), "callable"))
pin("ministack.services.apigateway_v1", stages_for_api="callable")
_STAGE_ARN = re.compile(r"arn:aws[a-z-]*:apigateway:[^:]+::/restapis/([^/]+)/stages/([^/]+)")


def acl_of_stage(api_id: str, stage: str) -> dict[str, Any] | None:
    """The web ACL associated with an API stage, or None."""
    from ministack.core.responses import get_region
    from ministack.services import waf

    stage_arn = f"arn:aws:apigateway:{get_region()}::/restapis/{api_id}/stages/{stage}"
    acl_arn = waf._associations.get(stage_arn)
    if acl_arn is None:
        return None
    return next((acl for acl in waf._web_acls.values() if acl["ARN"] == acl_arn), None)


def body_limit(acl: dict[str, Any]) -> int:
    """How many bytes of a body this ACL inspects at an API Gateway stage."""
    sizes = (acl.get("AssociationConfig") or {}).get("RequestBody") or {}
    limit = (sizes.get("API_GATEWAY") or {}).get("DefaultSizeInspectionLimit", "KB_16")
    return BODY_LIMITS.get(limit, DEFAULT_BODY_LIMIT)


def custom_response(acl: dict[str, Any], rule: str) -> tuple[int, dict[str, str], bytes] | None:
    """What the blocking rule, or the default action, answers by itself; None: the API answers."""
    actions = {entry["Name"]: entry.get("Action") or {} for entry in acl.get("Rules") or []}
    action = actions.get(rule, acl.get("DefaultAction") or {})
    custom = (action.get("Block") or {}).get("CustomResponse")
    if custom is None:
        return None
    headers = {entry["Name"]: entry["Value"] for entry in custom.get("ResponseHeaders") or []}
    body = (acl.get("CustomResponseBodies") or {}).get(custom.get("CustomResponseBodyKey"))
    if body is None:
        return int(custom["ResponseCode"]), headers, b""
    headers["Content-Type"] = BODY_TYPES[body["ContentType"]]
    return int(custom["ResponseCode"]), headers, body["Content"].encode()


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(  # noqa: PLR0917 (as MiniStack calls it)
        host: str, path: str, method: str, headers: dict[str, str], body: bytes,
        query: dict[str, list[str]], *rest: Any, **keywords: Any,
    ) -> Any:  # fmt: skip
        from ministack import app
        from ministack.core.responses import get_request_client_ip

        parsed = app._parse_execute_api_url(host, path)
        acl = acl_of_stage(parsed[0], parsed[1]) if parsed else None
        if acl is not None and parsed is not None:
            limit = body_limit(acl)
            client = get_request_client_ip()
            request = WebRequest(method, parsed[2], query, headers, body, client, limit)
            action, rule = decide(acl, request)
            dimensions = {"WebACL": acl["Name"], "Rule": rule}
            metric = "BlockedRequests" if action == "Block" else "AllowedRequests"
            metrics.put("AWS/WAFV2", metric, 1, "Count", dimensions)
            seen = {
                "clientIp": client,
                "httpMethod": method,
                "uri": parsed[2],
                "args": urlencode(query, doseq=True),
                "headers": list(headers.items()),
            }
            logs.write(acl["ARN"], action, rule, seen)
            if action == "Block":
                return custom_response(acl, rule) or stages.refused_by_web_acl(
                    parsed[0], parsed[1], headers, query
                )
        return await original(host, path, method, headers, body, query, *rest, **keywords)

    return handle


def _ruled(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply(data: dict[str, Any]) -> Any:
        from ministack.services import waf

        found = refusals.of_call("AWS::WAFv2::WebACL", data)
        return waf._waf_err("WAFInvalidParameterException", found) if found else original(data)

    return apply


def _of_a_stage(original: Callable[..., Any]) -> Callable[..., Any]:
    def associate(data: dict[str, Any]) -> Any:
        from ministack.services import apigateway_v1, waf

        arn = data.get("ResourceArn", "")
        stage = _STAGE_ARN.fullmatch(arn)
        if stage is None or stage[2] in apigateway_v1.stages_for_api(stage[1]):
            return original(data)
        said = f"ResourceArn is {arn}; allowed: a stage that exists"
        return waf._waf_err("WAFUnavailableEntityException", said)

    return associate


def attach(_tables: Tables) -> None:
    """Evaluate the ACL in front of every API request; hold calls to the rules of templates."""
    for name in ("_create_web_acl", "_update_web_acl"):
        replace(_WAF, name, _ruled)
    replace(_WAF, "_associate_web_acl", _of_a_stage)
    replace("ministack.app", "_handle_execute_api_request", _guarded)
