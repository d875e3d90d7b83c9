"""What API Gateway answers by itself: our error body, our headers, no internals."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

HEADERS = {
    "Cache-Control": "'no-store'",
    "Content-Security-Policy": "'default-src ''none''; frame-ancestors ''none'''",
    "Strict-Transport-Security": "'max-age=63072000; includeSubDomains'",
    "X-Content-Type-Options": "'nosniff'",
}
# The validator's own words may quote a classified value, so the message is fixed.
RESPONSES = {
    "BadRequestBody": (
        apigateway.ResponseType.BAD_REQUEST_BODY,
        "invalid_body",
        "the body does not match the request model of this route",
    ),
    "Throttled": (
        apigateway.ResponseType.THROTTLED,
        "throttled",
        "too many requests; try again later",
    ),
    "Filtered": (
        apigateway.ResponseType.WAF_FILTERED,
        "filtered",
        "the request was refused by the web application firewall",
    ),
    "TooLarge": (
        apigateway.ResponseType.REQUEST_TOO_LARGE,
        "too_large",
        "the request is larger than the API accepts",
    ),
    "ClientError": (
        apigateway.ResponseType.DEFAULT_4_XX,
        "refused",
        "the request was refused: check route, credentials and signature",
    ),
    "ServerError": (
        apigateway.ResponseType.DEFAULT_5_XX,
        "unavailable",
        "the request could not be answered",
    ),
}


def add_gateway_responses(api: apigateway.RestApi, scope: Construct) -> None:
    """Give each response type the API's error body and security headers."""
    for construct_id, (kind, code, message) in RESPONSES.items():
        body = {"error": {"code": code, "field": None, "message": message}}
        apigateway.GatewayResponse(
            scope,
            construct_id,
            rest_api=api,
            type=kind,
            response_headers=HEADERS,
            templates={"application/json": json.dumps(body)},
        )
