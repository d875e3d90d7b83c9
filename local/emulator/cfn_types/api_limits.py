"""What API Gateway and WAF refuse at create and update: limits that MiniStack does not know.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.apigateway_v1", stages_for_api="callable")

Properties = dict[str, Any]
# The quota of Regional APIs can be raised above it, at the cost of the Region's throttle.
LONGEST_INTEGRATION_MILLISECONDS = 29_000
SHORTEST_INTEGRATION_MILLISECONDS = 50
RATE_LIMITS = (10, 2_000_000_000)
RATE_WINDOWS = (60, 120, 300, 600)
_MODEL_NAME = re.compile(r"[A-Za-z0-9]+")
_STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STAGE_ARN = re.compile(r"arn:aws[a-z-]*:apigateway:[^:]+::/restapis/([^/]+)/stages/([^/]+)")


def _refuse(field: str, value: object, allowed: str) -> None:
    raise ValueError(f"{field} is {value!r}; allowed: {allowed}")


def _model(props: Properties) -> None:
    name = props.get("Name", "unnamed")
    if not _MODEL_NAME.fullmatch(name):
        _refuse("AWS::ApiGateway::Model Name", name, "letters and digits")
    schema = props.get("Schema")
    dialect = schema.get("$schema", "") if isinstance(schema, dict) else ""
    if dialect and "draft-04" not in dialect:
        _refuse("AWS::ApiGateway::Model Schema $schema", dialect, "JSON Schema draft-04")


def _method(props: Properties) -> None:
    timeout = (props.get("Integration") or {}).get("TimeoutInMillis")
    if timeout is None:
        return
    shortest, longest = SHORTEST_INTEGRATION_MILLISECONDS, LONGEST_INTEGRATION_MILLISECONDS
    if not shortest <= int(timeout) <= longest:
        allowed = f"{shortest} to {longest} milliseconds"
        _refuse("AWS::ApiGateway::Method Integration TimeoutInMillis", timeout, allowed)


def _stage(props: Properties) -> None:
    if not _STAGE_NAME.fullmatch(props["StageName"]):
        allowed = "letters, digits, hyphens, underscores"
        _refuse("AWS::ApiGateway::Stage StageName", props["StageName"], allowed)


def _web_acl(props: Properties) -> None:
    rules = props.get("Rules") or []
    for member in ("Name", "Priority"):
        most = Counter(rule[member] for rule in rules).most_common(1)
        if most and most[0][1] > 1:
            _refuse(f"AWS::WAFv2::WebACL Rules {member}", most[0][0], "each once")
    for rule in rules:
        rate = rule.get("Statement", {}).get("RateBasedStatement")
        if rate is not None:
            _rate(rate)


def _rate(rate: Properties) -> None:
    least, most = RATE_LIMITS
    if not least <= int(rate["Limit"]) <= most:
        _refuse("AWS::WAFv2::WebACL RateBasedStatement Limit", rate["Limit"], f"{least} to {most}")
    window = int(rate.get("EvaluationWindowSec", 300))
    if window not in RATE_WINDOWS:
        allowed = ", ".join(map(str, RATE_WINDOWS))
        _refuse("AWS::WAFv2::WebACL RateBasedStatement EvaluationWindowSec", window, allowed)


def _association(props: Properties) -> None:
    from ministack.services import apigateway_v1 as api

    stage = _STAGE_ARN.fullmatch(props["ResourceArn"])
    if stage is not None and stage[2] not in api.stages_for_api(stage[1]):
        _refuse(
            "AWS::WAFv2::WebACLAssociation ResourceArn", props["ResourceArn"],
            "a stage that exists (WAFUnavailableEntityException)",
        )  # fmt: skip


CHECKS: dict[str, Callable[[Properties], None]] = {
    "AWS::ApiGateway::Model": _model,
    "AWS::ApiGateway::Method": _method,
    "AWS::ApiGateway::Stage": _stage,
    "AWS::WAFv2::WebACL": _web_acl,
    "AWS::WAFv2::WebACLAssociation": _association,
}


def _checked(provision: Callable[..., Any], check: Callable[[Properties], None]) -> Any:
    """The properties are the second of a creation's arguments and the third of an update's."""

    def provisioned(first: str, second: Any, third: Any, *rest: Any, **named: Any) -> Any:
        check(third if isinstance(third, dict) else second)
        return provision(first, second, third, *rest, **named)

    return provisioned


def attach(tables: Tables) -> None:
    """Check before anything is provisioned."""
    for kind, check in CHECKS.items():
        entry = tables.resource_handlers[kind]
        for act in ("create", "update"):
            if act in entry:
                entry[act] = _checked(entry[act], check)
