"""Findings on the prediction API, answered beside the resources they are about."""

from __future__ import annotations

from dataclasses import asdict

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_

from stacks.kit.customer_policy import Reason
from stacks.kit.nag import acknowledge, except_from_review

SIGNING_PAGE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html"
UNCACHED = Reason(
    constraint="A cached answer would outlive the model that gave it and would hide "
    "requests from data capture and from the experiment; POST is not cached anyway.",
    evidence="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html",
    control="No cache exists that could hold data; throttling and WAF limit the load.",
)


def acknowledge_no_cache(stage: apigateway.Stage) -> None:
    """No answer is kept for the next caller."""
    acknowledge(
        stage,
        "HIPAA.Security-APIGWCacheEnabledAndEncrypted",
        "NIST.800.53.R4-APIGWCacheEnabledAndEncrypted",
        "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
        "PCI.DSS.321-APIGWCacheEnabledAndEncrypted",
        **asdict(UNCACHED),
    )
    except_from_review(stage, "checkov:CKV_AWS_120", **asdict(UNCACHED))


def acknowledge_signed_calls(method: apigateway.Method) -> None:
    """Callers sign with IAM, where the settings ask for no user pool."""
    acknowledge(
        method,
        "AwsSolutions-COG4",
        constraint="Callers are AWS principals that sign requests with their own role; a "
        "user pool is the other choice of the setting api.auth.",
        evidence=SIGNING_PAGE,
        control="Every method requires IAM authorisation, and the callers' policy allows "
        "this API's stage alone.",
    )


def except_route_permission(method: apigateway.Method) -> None:
    """The permission that CDK adds below a method for its integration."""
    for child in method.node.find_all():
        if isinstance(child, lambda_.CfnPermission):
            except_from_review(
                child,
                "control-tower:CT.LAMBDA.PR.2",
                constraint="The rule takes a source ARN only as one text or one reference; "
                "that of a route is joined from account, API, stage, method and path.",
                evidence=SIGNING_PAGE,
                control="The permission is API Gateway's, and its source ARN names one route "
                "of one stage of this API in this account.",
            )
