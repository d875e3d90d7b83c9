"""The web ACL associated with an API stage decides before the API does.

MiniStack stores web ACLs and never applies them. Evaluated here, in priority order, before
authorisation as on AWS: size constraints, rate limits, IP sets, byte and regex matches, and their
combinations. AWS's managed rule groups are not public and therefore never match here; a rule of a
kind this module does not know counts as no match and is logged once.

https://docs.aws.amazon.com/waf/latest/APIReference/API_Statement.html
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from local.emulator import metrics, waf_logs
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.waf")

pin(
    "ministack.app",
    _handle_execute_api_request="callable",
    _parse_execute_api_url="callable",
)
pin("ministack.services.waf", _associations="scoped", _web_acls="scoped", _ip_sets="scoped")

# https://docs.aws.amazon.com/waf/latest/developerguide/waf-oversize-request-components.html
DEFAULT_BODY_LIMIT = 16 * 1024
_BODY_LIMITS = {"KB_16": 16 * 1024, "KB_32": 32 * 1024, "KB_48": 48 * 1024, "KB_64": 64 * 1024}
DEFAULT_RATE_WINDOW = 300
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "EQ": lambda a, b: a == b,
    "NE": lambda a, b: a != b,
    "LE": lambda a, b: a <= b,
    "LT": lambda a, b: a < b,
    "GE": lambda a, b: a >= b,
    "GT": lambda a, b: a > b,
}
_POSITIONS: dict[str, Callable[[bytes, bytes], bool]] = {
    "EXACTLY": lambda field, text: field == text,
    "STARTS_WITH": lambda field, text: field.startswith(text),
    "ENDS_WITH": lambda field, text: field.endswith(text),
    "CONTAINS": lambda field, text: text in field,
}


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What a rule can look at. ``body_limit`` is how much of the body WAF inspects, in bytes."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    source_ip: str
    body_limit: int


class RateCounter:
    """Requests per rule and aggregation key over a sliding window."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def exceeds(self, rule: str, key: str, limit: int, window: float, now: float) -> bool:
        """Count one request; whether the window now holds more than ``limit``."""
        with self._lock:
            seen = self._seen[rule, key]
            seen.append(now)
            while seen and seen[0] <= now - window:
                seen.popleft()
            return len(seen) > limit


_rates = RateCounter()


def decide(acl: dict[str, Any], request: WebRequest) -> tuple[str, str]:
    """``(action, rule name)``: ``Block`` or ``Allow``; the default action's rule is ``default``."""
    for rule in sorted(acl.get("Rules") or [], key=lambda entry: int(entry["Priority"])):
        scope = f"{acl['ARN']}/{rule['Name']}"
        if not _matches(rule["Statement"], request, scope):
            continue
        action = rule.get("Action") or {}
        if "Block" in action:
            return "Block", rule["Name"]
        if "Allow" in action:
            return "Allow", rule["Name"]
    return ("Block" if "Block" in (acl.get("DefaultAction") or {}) else "Allow"), "default"


def _matches(statement: dict[str, Any], request: WebRequest, scope: str) -> bool:
    kind, value = next(iter(statement.items()))
    if kind == "AndStatement":
        return all(_matches(entry, request, scope) for entry in value["Statements"])
    if kind == "OrStatement":
        return any(_matches(entry, request, scope) for entry in value["Statements"])
    if kind == "NotStatement":
        return not _matches(value["Statement"], request, scope)
    if kind == "RateBasedStatement":
        return _over_rate(value, request, scope)
    check = _FIELD_CHECKS.get(kind)
    if check is None:
        _warn_unknown(kind, scope)
        return False
    return check(value, request)


@lru_cache(maxsize=64)
def _warn_unknown(kind: str, scope: str) -> None:
    logger.warning("%s: %s is not evaluated locally and never matches", scope, kind)


def _over_rate(value: dict[str, Any], request: WebRequest, scope: str) -> bool:
    narrowed = value.get("ScopeDownStatement")
    if narrowed and not _matches(narrowed, request, scope):
        return False
    key = "" if value.get("AggregateKeyType") == "CONSTANT" else request.source_ip
    window = float(value.get("EvaluationWindowSec", DEFAULT_RATE_WINDOW))
    return _rates.exceeds(scope, key, int(value["Limit"]), window, time.monotonic())


def _field(match: dict[str, Any], request: WebRequest) -> tuple[bytes, bool | None]:
    """The inspected bytes, and the fixed answer when the part is larger than WAF inspects."""
    kind, options = next(iter(match.items()))
    if kind in ("Body", "JsonBody"):
        if len(request.body) > request.body_limit:
            handling = (options or {}).get("OversizeHandling", "CONTINUE")
            if handling != "CONTINUE":
                return b"", handling == "MATCH"
        return request.body[: request.body_limit], None
    if kind == "SingleHeader":
        return request.headers.get(options["Name"].lower(), "").encode(), None
    if kind == "SingleQueryArgument":
        return "".join(request.query.get(options["Name"], [])).encode(), None
    texts = {
        "UriPath": request.path,
        "QueryString": urlencode(request.query, doseq=True),
        "AllQueryArguments": urlencode(request.query, doseq=True),
        "Method": request.method,
    }
    return texts.get(kind, "").encode(), None


def _size(value: dict[str, Any], request: WebRequest) -> bool:
    field, fixed = _field(value["FieldToMatch"], request)
    if fixed is not None:
        return fixed
    return _COMPARE[value["ComparisonOperator"]](len(field), int(value["Size"]))


def _transformed(field: bytes, value: dict[str, Any]) -> bytes:
    kinds = {entry["Type"] for entry in value.get("TextTransformations") or []}
    return field.lower() if "LOWERCASE" in kinds else field


def _bytes(value: dict[str, Any], request: WebRequest) -> bool:
    field, fixed = _field(value["FieldToMatch"], request)
    if fixed is not None:
        return fixed
    text = str(value["SearchString"]).encode()
    position = _POSITIONS.get(value["PositionalConstraint"], _POSITIONS["CONTAINS"])
    return position(_transformed(field, value), text)


def _regex(value: dict[str, Any], request: WebRequest) -> bool:
    field, fixed = _field(value["FieldToMatch"], request)
    if fixed is not None:
        return fixed
    return re.search(value["RegexString"].encode(), _transformed(field, value)) is not None


def _ip_set(value: dict[str, Any], request: WebRequest) -> bool:
    from ministack.services import waf

    address = ipaddress.ip_address(request.source_ip)
    for record in waf._ip_sets.values():
        if record.get("ARN") == value.get("ARN"):
            networks = record.get("Addresses", [])
            return any(address in ipaddress.ip_network(n, strict=False) for n in networks)
    return False


_FIELD_CHECKS: dict[str, Callable[[dict[str, Any], WebRequest], bool]] = {
    "SizeConstraintStatement": _size,
    "ByteMatchStatement": _bytes,
    "RegexMatchStatement": _regex,
    "IPSetReferenceStatement": _ip_set,
}


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
    return _BODY_LIMITS.get(limit, DEFAULT_BODY_LIMIT)


_logging: dict[str, tuple[str, frozenset[str]]] = {}


def log_to(acl_arn: str, group: str, redacted_headers: Iterable[str]) -> None:
    """Write the ACL's decisions to a log group, without the values of these headers."""
    _logging[acl_arn] = (group, frozenset(redacted_headers))


def stop_logging(acl_arn: str) -> None:
    """Write no more decisions of this ACL."""
    _logging.pop(acl_arn, None)


def _log(acl: dict[str, Any], request: WebRequest, action: str, rule: str) -> None:
    """One line in the form WAF writes (the members a person looks for)."""
    from ministack.services import cloudwatch_logs

    if acl["ARN"] not in _logging:
        return
    group, redacted = _logging[acl["ARN"]]
    headers = [
        {"name": name, "value": "REDACTED" if name in redacted else value}
        for name, value in request.headers.items()
    ]
    now = int(time.time() * 1000)
    document = {
        "timestamp": now,
        "webaclId": acl["ARN"],
        "terminatingRuleId": "Default_Action" if rule == "default" else rule,
        "action": action.upper(),
        "httpSourceName": "APIGW",
        "httpRequest": {
            "clientIp": request.source_ip,
            "httpMethod": request.method,
            "uri": request.path,
            "headers": headers,
        },
    }
    name = {"logGroupName": group, "logStreamName": acl["Name"]}
    cloudwatch_logs._create_log_stream(name)
    event = {"timestamp": now, "message": json.dumps(document)}
    cloudwatch_logs._put_log_events(name | {"logEvents": [event]})


pin(
    "ministack.services.cloudwatch_logs",
    _create_log_stream="callable",
    _put_log_events="callable",
)


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
            seen = {"httpMethod": method, "uri": parsed[2], "clientIp": client}
            waf_logs.write(acl["ARN"], action, rule, seen)
            _log(acl, request, action, rule)
            if action == "Block":
                answer = json.dumps({"message": "Forbidden"}).encode()
                return 403, {"Content-Type": "application/json"}, answer
        return await original(host, path, method, headers, body, query, *rest, **keywords)

    return handle


def attach(_tables: Tables) -> None:
    """Evaluate the ACL in front of every API request."""
    replace("ministack.app", "_handle_execute_api_request", _guarded)
