"""WAF: names, nesting, answers of its own and where it logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.emulator.refusals import Properties, refuses

ACL, LOGGING = "AWS::WAFv2::WebACL", "AWS::WAFv2::LoggingConfiguration"
_RESERVED_METRICS = frozenset({"All", "Default_Action"})
_ALONE = ("ManagedRuleGroupStatement", "RateBasedStatement", "RuleGroupReferenceStatement")
_BODY_BYTES = 4 * 1024
_BODIES_BYTES = 50 * 1024
# https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-status-codes.html
STATUS_CODES = frozenset(
    {200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408}
    | {409, 411, 412, 413, 414, 415, 416, 421, 429, 500, 501, 502, 503, 504, 505}
)


def _rules(properties: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = properties.get("Rules", [])
    return found


def _answers(properties: Properties) -> Iterator[dict[str, Any]]:
    """Custom responses of the rules and of the default action."""
    actions = [rule.get("Action", {}) for rule in _rules(properties)]
    for action in [*actions, properties.get("DefaultAction", {})]:
        custom = (action.get("Block") or {}).get("CustomResponse")
        if custom:
            yield custom


@refuses("waf-metric-names", ACL)
def _metric_names(properties: Properties) -> str | None:
    places = [properties, *_rules(properties)]
    for place in places:
        name = str(place.get("VisibilityConfig", {}).get("MetricName", ""))
        if name in _RESERVED_METRICS or any(letter.isspace() for letter in name):
            reserved = ", ".join(sorted(_RESERVED_METRICS))
            return f"MetricName {name!r}: allowed: no whitespace, and none of {reserved}"
    return None


@refuses("waf-priorities-differ", ACL)
def _priorities(properties: Properties) -> str | None:
    given = [str(rule.get("Priority")) for rule in _rules(properties)]
    twice = sorted({priority for priority in given if given.count(priority) > 1})
    return f"Priority {twice[0]} is used twice; allowed: each once" if twice else None


@refuses("waf-rule-names-differ", ACL)
def _names(properties: Properties) -> str | None:
    given = [str(rule.get("Name")) for rule in _rules(properties)]
    twice = sorted({name for name in given if given.count(name) > 1})
    return f"Rule name {twice[0]} is used twice; allowed: each once" if twice else None


@refuses("waf-action-or-override", ACL)
def _actions(properties: Properties) -> str | None:
    for rule in _rules(properties):
        kind = next(iter(rule.get("Statement", {})), "")
        group = kind in ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
        wanted, other = ("OverrideAction", "Action") if group else ("Action", "OverrideAction")
        if wanted not in rule or other in rule:
            return f"Rule {rule.get('Name')} with {kind}: allowed: {wanted}, and no {other}"
    return None


@refuses("waf-nesting", ACL)
def _nesting(properties: Properties) -> str | None:
    for rule in _rules(properties):
        for kind, value in rule.get("Statement", {}).items():
            inner = _kinds(value)
            wrong = sorted(set(inner) & set(_ALONE))
            if wrong:
                return f"Rule {rule.get('Name')}: {wrong[0]} inside {kind}; allowed: at the top"
    return None


def _kinds(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _kinds(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _kinds(item)


@refuses("waf-constant-rate-has-scope", ACL)
def _constant(properties: Properties) -> str | None:
    for rule in _rules(properties):
        rate = rule.get("Statement", {}).get("RateBasedStatement", {})
        if rate.get("AggregateKeyType") == "CONSTANT" and not rate.get("ScopeDownStatement"):
            return f"Rule {rule.get('Name')}: CONSTANT: allowed with a ScopeDownStatement"
    return None


@refuses("waf-answer-has-a-body", ACL)
def _bodies(properties: Properties) -> str | None:
    known = properties.get("CustomResponseBodies", {})
    for answer in _answers(properties):
        key = answer.get("CustomResponseBodyKey")
        if key and key not in known:
            return f"CustomResponseBodyKey {key!r}: allowed: {', '.join(sorted(known)) or 'none'}"
    return None


@refuses("waf-answer-status", ACL)
def _status(properties: Properties) -> str | None:
    for answer in _answers(properties):
        code = int(answer.get("ResponseCode", 0))
        if code not in STATUS_CODES:
            return f"ResponseCode {code}: allowed: {', '.join(map(str, sorted(STATUS_CODES)))}"
    return None


@refuses("waf-answer-size", ACL)
def _body_size(properties: Properties) -> str | None:
    sizes = {
        name: len(body.get("Content", "").encode())
        for name, body in properties.get("CustomResponseBodies", {}).items()
    }
    largest = max(sizes.values(), default=0)
    if largest > _BODY_BYTES or sum(sizes.values()) > _BODIES_BYTES:
        return f"CustomResponseBodies {sizes}: allowed: {_BODY_BYTES} bytes each, {_BODIES_BYTES}"
    return None


@refuses("waf-log-destination", LOGGING)
def _destination(properties: Properties) -> str | None:
    for arn in properties.get("LogDestinationConfigs", []):
        name = arn.removesuffix(":*").replace("/", ":").rsplit(":", 1)[-1]
        if not name.startswith("aws-waf-logs-"):
            return f"LogDestinationConfigs {arn!r}: allowed: a name that begins with aws-waf-logs-"
    return None
