"""Each part of a REST API, and the web ACL in front of it, decides what a request is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.platform import Platform
from tests.support.api_probe import (
    CUSTOM_BODY,
    CUSTOM_STATUS,
    call,
    functions,
    model,
    number,
    of_api,
    policy,
    route,
    stage,
    validated,
)
from tests.support.probe_stack import Template, deploy, deployed, failure_reasons, wait_for

pytestmark = pytest.mark.platform

REDACTED = [{"QueryString": {}}, {"SingleHeader": {"Name": "Authorization"}}]
EARLY = ["Open", "Signed", "Denied", "Refused", "Strict", "Lenient", "Other"]


def _parts() -> Template:
    return {
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "proofs", "Policy": policy(denied="denied")},
        },
        "NeedsA": model("a"),
        "NeedsB": model("b"),
        "Checks": of_api("RequestValidator", ValidateRequestBody=True),
        "ChecksNot": of_api("RequestValidator", ValidateRequestBody=False),
        "BadBody": of_api(
            "GatewayResponse",
            ResponseType="BAD_REQUEST_BODY",
            StatusCode=str(CUSTOM_STATUS),
            ResponseTemplates={"application/json": CUSTOM_BODY},
            ResponseParameters={"gatewayresponse.header.X-Proof": "'yes'"},
        ),
        **route("Open"),
        **route("Signed", auth="AWS_IAM"),
        **route("Denied"),
        **route("Refused", function="Unreachable"),
        **validated("Strict", "Checks", "NeedsA"),
        **validated("Lenient", "ChecksNot", "NeedsA"),
        **validated("Other", "Checks", "NeedsB"),
    }


def _stages() -> Template:
    """The second deployment has one route more; the third stage limits its callers and logs."""
    limit = {
        "ResourcePath": "/*", "HttpMethod": "*",
        "ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.01,
    }  # fmt: skip
    log = {
        "DestinationArn": {
            "Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Access}"
        },
        "Format": "$context.stage $context.resourcePath $context.status "
        "$context.error.responseType $context.requestId",
    }
    methods = [f"{name}Method" for name in EARLY]
    return {
        "First": of_api("Deployment", [*methods, "BadBody"]),
        **route("Late", depends=["First"]),
        "Second": of_api("Deployment", [*methods, "LateMethod"]),
        "FirstStage": stage("v1", "First"),
        "SecondStage": stage("v2", "Second"),
        "Access": {"Type": "AWS::Logs::LogGroup"},
        "ThirdStage": stage("v3", "Second", MethodSettings=[limit], AccessLogSetting=log),
    }


def _acl(word: str) -> dict[str, Any]:
    """An ACL that blocks what has ``word`` in its query."""
    seen = {
        "CloudWatchMetricsEnabled": True, "MetricName": word, "SampledRequestsEnabled": False,
    }  # fmt: skip
    statement = {
        "ByteMatchStatement": {
            "FieldToMatch": {"QueryString": {}}, "PositionalConstraint": "CONTAINS",
            "SearchString": word, "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
        }
    }  # fmt: skip
    rule = {
        "Name": word, "Priority": 0, "Action": {"Block": {}}, "Statement": statement,
        "VisibilityConfig": seen,
    }  # fmt: skip
    properties = {
        "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "Rules": [rule],
        "VisibilityConfig": seen,
    }  # fmt: skip
    return {"Type": "AWS::WAFv2::WebACL", "Properties": properties}


def _guard(acl: str, stage_name: str) -> Template:
    """The association of an ACL with a stage, and the group that it writes its decisions to."""
    arn = {"Fn::GetAtt": [acl, "Arn"]}
    log = {"Fn::GetAtt": [f"{acl}Log", "Arn"]}
    target = f"arn:aws:apigateway:${{AWS::Region}}::/restapis/${{Api}}/stages/${{{stage_name}}}"
    return {
        f"{acl}Guard": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"WebACLArn": arn, "ResourceArn": {"Fn::Sub": target}},
        },
        f"{acl}Log": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": f"aws-waf-logs-proofs-{acl.lower()}"},
        },
        f"{acl}Logging": {
            "Type": "AWS::WAFv2::LoggingConfiguration",
            "Properties": {
                "ResourceArn": arn,
                "LogDestinationConfigs": [log],
                "RedactedFields": REDACTED if acl == "Two" else [],
            },
        },
    }


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    resources = {
        **functions(),
        **_parts(),
        **_stages(),
        "One": _acl("apple"),
        "Two": _acl("pear"),
        **_guard("One", "FirstStage"),
        **_guard("Two", "SecondStage"),
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("Api", "Access")}
    with deployed(platform, "api", {"Resources": resources, "Outputs": outputs}) as found:
        yield found


@pytest.fixture(scope="module")
def api(stack: dict[str, str]) -> str:
    return stack["Api"]


@pytest.mark.proves("AWS::ApiGateway::Resource", "AWS::ApiGateway::Method")
def test_path_verb_and_authorisation_decide(platform: Platform, api: str) -> None:
    opened = call(platform, api, "v1/open")
    assert (opened.status_code, opened.json()["resource"]) == (200, "/open")
    assert call(platform, api, "v1/opened").status_code == 403
    assert call(platform, api, "v1/open", "{}").status_code == 403
    assert call(platform, api, "v1/signed").status_code == 403
    assert call(platform, api, "v1/signed", signed=True).status_code == 200


@pytest.mark.proves("AWS::ApiGateway::RestApi")
def test_the_resource_policy_decides(platform: Platform, api: str) -> None:
    denied = call(platform, api, "v1/denied")
    assert denied.status_code == 403
    assert "explicit deny" in denied.text


@pytest.mark.proves("AWS::Lambda::Permission")
def test_a_function_without_permission_is_not_invoked(platform: Platform, api: str) -> None:
    assert call(platform, api, "v1/refused").status_code == 500
    assert call(platform, api, "v1/open").status_code == 200


@pytest.mark.proves("AWS::ApiGateway::Model", "AWS::ApiGateway::RequestValidator")
@pytest.mark.parametrize(
    ("path", "field", "passes"),
    [
        ("strict", "a", True), ("strict", "b", False), ("lenient", "b", True),
        ("other", "a", False), ("other", "b", True),
    ],
)  # fmt: skip
def test_model_and_validator_decide_on_bodies(
    platform: Platform, api: str, path: str, field: str, passes: bool
) -> None:
    answer = call(platform, api, f"v1/{path}", number(field))
    assert answer.status_code == (200 if passes else CUSTOM_STATUS)


@pytest.mark.proves("AWS::ApiGateway::GatewayResponse")
def test_only_the_named_refusal_is_worded_anew(platform: Platform, api: str) -> None:
    bad = call(platform, api, "v1/strict", "{}")
    assert (bad.status_code, bad.headers["x-proof"]) == (CUSTOM_STATUS, "yes")
    assert bad.json() == {"refused": "BAD_REQUEST_BODY"}
    missing = call(platform, api, "v1/nowhere")
    assert (missing.status_code, "x-proof" in missing.headers) == (403, False)


@pytest.mark.proves("AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage")
def test_a_stage_serves_what_its_deployment_captured(platform: Platform, api: str) -> None:
    assert call(platform, api, "v1/late").status_code == 403
    assert call(platform, api, "v2/late").status_code == 200
    assert call(platform, api, "v4/late").status_code == 403


@pytest.mark.proves("AWS::ApiGateway::Stage")
def test_a_stage_throttles_and_logs_as_its_settings_say(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert [call(platform, stack["Api"], "v1/open").status_code for _ in range(3)] == [200] * 3
    limited = [call(platform, stack["Api"], "v3/open").status_code for _ in range(3)]
    assert limited == [200, 200, 429]
    events = platform.client("logs").filter_log_events(logGroupName=stack["Access"])["events"]
    assert [event["message"].rsplit(" ", 1)[0] for event in events] == [
        "v3 /open 200 -", "v3 /open 200 -", "v3 /open 429 THROTTLED",
    ]  # fmt: skip


@pytest.mark.proves("AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation")
@pytest.mark.parametrize("stage_name", ["v1", "v2"])
def test_a_stage_is_guarded_by_the_acl_associated_with_it(
    platform: Platform, api: str, stage_name: str
) -> None:
    words = {"apple": stage_name == "v1", "pear": stage_name == "v2", "plum": False}
    for word, blocked in words.items():
        answer = call(platform, api, f"{stage_name}/late?q={word}")
        assert (answer.json().get("message") == "Forbidden") is blocked, word


def _decisions(platform: Platform, group: str) -> list[dict[str, Any]]:
    events = platform.client("logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(event["message"]) for event in events]


@pytest.mark.proves("AWS::WAFv2::LoggingConfiguration")
def test_decisions_are_logged_where_each_acl_says(platform: Platform, api: str) -> None:
    call(platform, api, "v1/late?q=apple")
    call(platform, api, "v2/late?q=pear")
    for acl, rule, other in (("one", "apple", "pear"), ("two", "pear", "apple")):
        group = f"aws-waf-logs-proofs-{acl}"
        written = wait_for(lambda name=group: _decisions(platform, name), what=group)
        rules = {line["terminatingRuleId"] for line in written}
        assert rule in rules
        assert other not in rules


def _told(platform: Platform, acl: str, word: str) -> list[dict[str, Any]]:
    """Requests in an ACL's log that hold a word anywhere."""
    lines = _decisions(platform, f"aws-waf-logs-proofs-{acl}")
    return [line["httpRequest"] for line in lines if word in json.dumps(line)]


@pytest.mark.proves("AWS::WAFv2::LoggingConfiguration")
def test_a_log_holds_the_request_but_for_the_fields_it_redacts(
    platform: Platform, api: str
) -> None:
    for stage_name in ("v1", "v2"):
        call(platform, api, f"{stage_name}/open?q=quince", token="medlar")
    plain = wait_for(lambda: _told(platform, "one", "quince"), what="the plain log")
    (request,) = plain
    assert (request["uri"], request["args"]) == ("/open", "q=quince")
    assert {"name": "authorization", "value": "medlar"} in request["headers"]
    redacted = wait_for(lambda: _told(platform, "two", '"REDACTED"'), what="the redacted log")
    assert all(request["args"] == "REDACTED" for request in redacted)
    (request,) = [r for r in redacted if r["uri"] == "/open"]
    values = {header["name"].lower(): header["value"] for header in request["headers"]}
    assert values["authorization"] == "REDACTED"
    assert values["content-type"] == "application/json"
    assert _told(platform, "two", "quince") == _told(platform, "two", "medlar") == []


def test_what_a_log_cannot_redact_fails_the_stack(platform: Platform) -> None:
    guard = _guard("One", "Stage")
    logging = guard["OneLogging"]["Properties"] | {"RedactedFields": [{"Body": {}}]}
    guard["OneLog"]["Properties"]["LogGroupName"] = "aws-waf-logs-proofs-body"
    resources = {
        "One": _acl("apple"), "OneLog": guard["OneLog"],
        "OneLogging": {**guard["OneLogging"], "Properties": logging},
    }  # fmt: skip
    with pytest.raises(WaiterError):
        deploy(platform, "waf-body", {"Resources": resources})
    assert "#/RedactedFields/0" in " ".join(failure_reasons(platform, "waf-body"))
    platform.client("cloudformation").delete_stack(StackName="waf-body")


RATE = {"AggregateKeyType": "IP", "Limit": 100}


def _ruled(*rules: dict[str, Any]) -> dict[str, Any]:
    metric = {
        "CloudWatchMetricsEnabled": True, "MetricName": "m", "SampledRequestsEnabled": False,
    }  # fmt: skip
    full = [
        {
            "Name": f"r{n}",
            "Priority": n,
            "Action": {"Block": {}},
            "VisibilityConfig": metric,
            "Statement": {"RateBasedStatement": RATE},
            **rule,
        }
        for n, rule in enumerate(rules)
    ]
    properties = {
        "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": metric,
        "Rules": full,
    }  # fmt: skip
    return {"Type": "AWS::WAFv2::WebACL", "Properties": properties}


def _limited(**rate: Any) -> dict[str, Any]:
    return _ruled({"Statement": {"RateBasedStatement": RATE | rate}})


def _slow(milliseconds: int) -> Template:
    found = route("Slow")
    found["SlowMethod"]["Properties"]["Integration"]["TimeoutInMillis"] = milliseconds
    return found


def _associated(stage_name: str) -> Template:
    arn = f"arn:aws:apigateway:${{AWS::Region}}::/restapis/${{Api}}/stages/{stage_name}"
    properties = {
        "ResourceArn": {"Fn::Sub": arn}, "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]},
    }  # fmt: skip
    association = {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": properties}
    return {"Acl": _limited(), "Association": association}


DRAFT = "http://json-schema.org/draft-07/schema#"
REFUSED: dict[str, tuple[Template, str]] = {
    "rate below ten": ({"Acl": _limited(Limit=9)}, "9 is less than the minimum of 10"),
    "rate window": ({"Acl": _limited(EvaluationWindowSec=30)}, "not one of [60, 120, 300, 600]"),
    "priority twice": ({"Acl": _ruled({}, {"Priority": 0})}, "Priority 0 is used twice"),
    "name twice": ({"Acl": _ruled({}, {"Name": "r0"})}, "Rule name r0 is used twice"),
    "no such stage": (_associated("none"), "a stage that exists"),
    "integration above 29 s": (_slow(29_001), "between 50 ms and 29000 ms: 29001"),
    "integration below 50 ms": (_slow(49), "49 is less than the minimum of 50"),
    "model's name": (
        {"M": of_api("Model", ContentType="application/json", Name="a-b", Schema={})},
        "must be alphanumeric: a-b",
    ),
    "model's dialect": (
        {"M": of_api("Model", ContentType="application/json", Schema={"$schema": DRAFT})},
        "allowed: draft-04's",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_api_gateway_and_waf_refuse_is_refused(platform: Platform, case: str) -> None:
    parts, told = REFUSED[case]
    name = f"refused-{''.join(filter(str.isalnum, case))}"
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}}
    with pytest.raises(WaiterError):
        deploy(platform, name, {"Resources": {"Api": api, **functions(), **parts}})
    reasons = failure_reasons(platform, name)
    assert any(told in reason for reason in reasons), reasons


def test_a_call_to_waf_is_held_to_the_rules_of_templates(platform: Platform) -> None:
    client, acl = platform.client("wafv2"), _limited()["Properties"] | {"Name": "called"}
    twice = [acl["Rules"][0], acl["Rules"][0] | {"Name": "again"}]
    with pytest.raises(ClientError, match="Priority 0 is used twice"):
        client.create_web_acl(**acl | {"Rules": twice})
    made = client.create_web_acl(**acl)["Summary"]
    current = acl | {"Id": made["Id"], "LockToken": made["LockToken"]}
    try:
        with pytest.raises(ClientError, match="Priority 0 is used twice"):
            client.update_web_acl(**current | {"Rules": twice})
        stage_arn = "arn:aws:apigateway:eu-west-1::/restapis/none/stages/none"
        with pytest.raises(ClientError, match="WAFUnavailableEntity"):
            client.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=stage_arn)
        current["LockToken"] = client.update_web_acl(**current)["NextLockToken"]
    finally:
        member = ("Name", "Scope", "Id", "LockToken")
        client.delete_web_acl(**{name: current[name] for name in member})
