"""What API Gateway answers by itself: our error body, our headers, no internals."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from core.texts import document
from lambdas.router.http import SECURITY_HEADERS, error_body

# Without Content-Type, which API Gateway takes from the template and WAF from its body.
STATIC_HEADERS = {name: value for name, value in SECURITY_HEADERS.items() if name != "Content-Type"}
# A static value stands in single quotes; API Gateway takes off these two and no others.
HEADERS = {name: f"'{value}'" for name, value in STATIC_HEADERS.items()}
TOO_LARGE = ("too_large", "the request is larger than the API accepts")
# The validator's own words may quote a classified value, so the message is fixed. Its model asks
# for an object and no more; what is wrong in one is answered by the router.
RESPONSES = {
    "BadRequestBody": (
        apigateway.ResponseType.BAD_REQUEST_BODY,
        "invalid_body",
        "the body is not a JSON object, or it is nested too deeply",
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
        *TOO_LARGE,
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


def body_of(code: str, message: str) -> str:
    """The API's error body, as text."""
    return document({"error": error_body(code, None, message)})


def add_gateway_responses(api: apigateway.RestApi, scope: Construct) -> None:
    """Give each response type the API's error body and security headers."""
    for construct_id, (kind, code, message) in RESPONSES.items():
        apigateway.GatewayResponse(
            scope,
            construct_id,
            rest_api=api,
            type=kind,
            response_headers=HEADERS,
            templates={"application/json": body_of(code, message)},
        )
