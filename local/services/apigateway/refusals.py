"""API Gateway: models, mapping expressions, paths, stages and their logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema

from local.emulator.refusals import Properties, refuses

MODEL, RESPONSE = "AWS::ApiGateway::Model", "AWS::ApiGateway::GatewayResponse"
METHOD, STAGE = "AWS::ApiGateway::Method", "AWS::ApiGateway::Stage"
RESOURCE = "AWS::ApiGateway::Resource"
AUTHORIZER = "AWS::ApiGateway::Authorizer"

_MODEL_BYTES = 400 * 1024
# Draft 4 has no other keywords, and API Gateway refuses what it does not know.
_KEYWORDS = frozenset(jsonschema.Draft4Validator.META_SCHEMA["properties"]) | {"$ref"}
_NAMED = frozenset({"properties", "patternProperties", "definitions"})
_VALUES = frozenset({"default", "enum", "required", "dependencies"})
_CANONICAL = re.compile(
    r"#(/definitions/.+)?|https://apigateway\.amazonaws\.com/restapis/[^/]+/models/[a-zA-Z0-9]+"
)
_PART = re.compile(r"[a-zA-Z0-9._:-]+|\{[a-zA-Z0-9._:-]+\+?\}")
_REQUEST_PARAMETER = re.compile(r"method\.request\.(querystring|path|header)\.[\w!#$%&'*+.^`|~-]+")
_MAPPING = re.compile(
    r"'.*'|(method\.request\.(querystring|path|header|multivaluequerystring|multivalueheader)\.\S+"
    r"|context\.\S+|stageVariables\.\S+)"
)
_RESPONSE_PARAMETER = re.compile(r"gatewayresponse\.(header|path|querystring)\.\S+")
_STAGE = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# The quota of Regional APIs can be raised above it, at the cost of the Region's throttle.
_LONGEST_MILLISECONDS = 29_000
_VARIABLE_NAME, _VARIABLE_VALUE = re.compile(r"\w+"), re.compile(r"[A-Za-z0-9\-._~:/?#&=,]+")


def _schema(properties: Properties) -> Any:
    schema = properties.get("Schema", {})
    return json.loads(schema) if isinstance(schema, str) else schema


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and every schema in it."""
    if isinstance(schema, list):
        for part in schema:
            yield from _schemas(part)
    if not isinstance(schema, dict):
        return
    yield schema
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            yield from _schemas(list(value.values()))
        elif key not in _VALUES:
            yield from _schemas(value)


@refuses("request-model-keywords", MODEL)
def _keywords(properties: Properties) -> str | None:
    unknown = sorted({k for s in _schemas(_schema(properties)) for k in s if k not in _KEYWORDS})
    if unknown:
        return (
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model "
            f"schema specified. Unsupported keyword(s): {json.dumps(unknown)}]"
        )
    return None


@refuses("request-model-is-draft-4", MODEL)
def _draft_4(properties: Properties) -> str | None:
    schema = _schema(properties)
    dialect = schema.get("$schema", "") if isinstance(schema, dict) else ""
    if dialect and "draft-04" not in dialect:
        return f"Invalid model schema specified: $schema is {dialect}; allowed: draft-04's"
    try:
        jsonschema.Draft4Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        return f"Invalid model specified: Invalid model schema specified: {place}: {error.message}"
    return None


@refuses("request-model-references", MODEL)
def _references(properties: Properties) -> str | None:
    for schema in _schemas(_schema(properties)):
        target = schema.get("$ref")
        if isinstance(target, str) and not _CANONICAL.fullmatch(target):
            return f"Model reference must be in canonical form: {target!r}"
    return None


@refuses("request-model-size", MODEL)
def _size(properties: Properties) -> str | None:
    size = len(json.dumps(_schema(properties)).encode())
    return f"Schema has {size} bytes; allowed: {_MODEL_BYTES}" if size > _MODEL_BYTES else None


@refuses("request-model-name", MODEL)
def _model_name(properties: Properties) -> str | None:
    name = str(properties.get("Name", ""))
    if name and not (name.isascii() and name.isalnum()):
        return f"Model name must be alphanumeric: {name}"
    return None


@refuses("gateway-response-mapping", RESPONSE)
def _mapping(properties: Properties) -> str | None:
    for value in properties.get("ResponseParameters", {}).values():
        if not _MAPPING.fullmatch(value):
            return (
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {value}]; allowed: 'text in quotes'"
            )
    return None


@refuses("gateway-response-parameters", RESPONSE)
def _response_parameters(properties: Properties) -> str | None:
    for name in properties.get("ResponseParameters", {}):
        if not _RESPONSE_PARAMETER.fullmatch(name):
            return f"Invalid mapping expression parameter specified: {name}"
    return None


@refuses("gateway-response-types", RESPONSE)
def _response_type(properties: Properties) -> str | None:
    from local.emulator import sdk_calls

    allowed = sdk_calls.model_of("apigateway").shape_for("GatewayResponseType").enum
    kind = properties.get("ResponseType")
    return None if kind in allowed else f"ResponseType {kind}: allowed: {', '.join(allowed)}"


@refuses("method-request-parameters", METHOD)
def _request_parameters(properties: Properties) -> str | None:
    for name in properties.get("RequestParameters", {}):
        if not _REQUEST_PARAMETER.fullmatch(name):
            return (
                f"Invalid mapping expression specified: {name}; allowed: "
                "method.request.querystring.<name>, …path.<name> or …header.<name>"
            )
    return None


@refuses("proxy-integration-posts", METHOD)
def _posts(properties: Properties) -> str | None:
    integration = properties.get("Integration", {})
    if integration.get("Type") not in ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY"):
        return None
    if not integration.get("IntegrationHttpMethod"):
        return "Enumeration value for HttpMethod must be non-empty"
    return None


@refuses("integration-ends-after-29-seconds", METHOD)
def _longest(properties: Properties) -> str | None:
    given = int(properties.get("Integration", {}).get("TimeoutInMillis", 0))
    if given <= _LONGEST_MILLISECONDS:
        return None
    return f"Timeout should be between 50 ms and {_LONGEST_MILLISECONDS} ms: {given}"


@refuses("path-part-characters", RESOURCE)
def _path_part(properties: Properties) -> str | None:
    part = str(properties.get("PathPart", ""))
    if not _PART.fullmatch(part):
        return (
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and "
            f"curly braces at the beginning and the end: {part!r}"
        )
    return None


@refuses("stage-name-characters", STAGE)
def _stage_name(properties: Properties) -> str | None:
    name = str(properties.get("StageName", ""))
    if not _STAGE.fullmatch(name):
        return f"Stage name only allows a-zA-Z0-9_-: {name!r}"
    return None


@refuses("stage-variable-characters", STAGE)
def _variables(properties: Properties) -> str | None:
    for name, value in properties.get("Variables", {}).items():
        if not _VARIABLE_NAME.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(str(value)):
            return f"Stage variable {name}={value!r}: allowed: {_VARIABLE_VALUE.pattern}"
    return None


@refuses("access-log-destination", STAGE)
def _access_log(properties: Properties) -> str | None:
    arn = properties.get("AccessLogSetting", {}).get("DestinationArn", "")
    if arn.endswith(":*"):
        return f"DestinationArn {arn!r}: allowed: the ARN of a log group without :* at its end"
    return None


@refuses("access-log-names-the-request", STAGE)
def _access_log_format(properties: Properties) -> str | None:
    form = properties.get("AccessLogSetting", {}).get("Format", "")
    if form and "$context.requestId" not in form and "$context.extendedRequestId" not in form:
        return "Format: allowed: one that has $context.requestId or $context.extendedRequestId"
    return None


@refuses("user-pool-authorizer-names-pools", AUTHORIZER)
def _pools(properties: Properties) -> str | None:
    if properties.get("Type") != "COGNITO_USER_POOLS":
        return None
    absent = [name for name in ("ProviderARNs", "IdentitySource") if not properties.get(name)]
    return f"Type COGNITO_USER_POOLS: allowed with it: {' and '.join(absent)}" if absent else None
