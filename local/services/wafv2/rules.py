"""What a web ACL's rules match: pure functions of a request, plus the counters of rate rules.

A rule of a kind this module does not know counts as no match and is logged once.

https://docs.aws.amazon.com/waf/latest/APIReference/API_Statement.html
"""

from __future__ import annotations

import ipaddress
import logging
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from local.emulator.private_tables import pin

logger = logging.getLogger("millrace.waf")

pin("ministack.services.waf", _ip_sets="scoped")

# https://docs.aws.amazon.com/waf/latest/developerguide/waf-oversize-request-components.html
DEFAULT_BODY_LIMIT = 16 * 1024
BODY_LIMITS = {"KB_16": 16 * 1024, "KB_32": 32 * 1024, "KB_48": 48 * 1024, "KB_64": 64 * 1024}
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
