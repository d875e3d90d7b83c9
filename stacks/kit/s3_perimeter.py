"""The S3 perimeter: a bucket answers nobody who comes from outside.

A stolen key of a role that may read the lake is worth nothing from elsewhere: the bucket's own
policy denies every call that neither comes through our VPC endpoint, nor is made by an AWS service.
Services do not pass our endpoint, so the ways in are listed one by one. A condition left out here
locks the platform out of its own data; ``tests/stacks/test_perimeter.py`` decides every principal
on every bucket, and that the deploying role can always repair the policy.

Each condition of the one Deny statement is a way in, because all of them have to hold for it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from core import names
from stacks.kit.base_stack import BaseStack

# Queries run with the credentials of the person who asked, from the service's own network.
QUERY_SERVICES = ("athena.amazonaws.com", "glue.amazonaws.com")
# Only AWS can create or assume a role below this path: Config, Macie, Access Analyzer look here.
SERVICE_LINKED_ROLES = "aws-service-role/*"


def close_perimeter(
    bucket: s3.Bucket,
    stack: BaseStack,
    *,
    endpoints: Sequence[str] = (),
    producers: Sequence[str] = (),
) -> None:
    """Deny every call on the bucket from outside, unless the settings switch the perimeter off.

    Args:
        bucket: the bucket whose policy gets the statement.
        stack: the bucket's stack, for settings and names.
        endpoints: ids of our own VPC endpoints; none for a bucket that no workload reads.
        producers: roles of the settings that may call this bucket from anywhere.
    """
    perimeter = stack.settings.perimeter
    if not perimeter.enabled:
        return
    conditions: dict[str, Any] = {
        # Absent for an anonymous request, which is denied like any other.
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        "ForAllValues:StringNotEquals": {"aws:CalledVia": list(QUERY_SERVICES)},
        "ArnNotLike": {"aws:PrincipalArn": _trusted_roles(stack, producers)},
    }
    through = [*endpoints, *(perimeter.vpc_endpoints if endpoints else ())]
    if through:
        conditions["StringNotEquals"] = {"aws:SourceVpce": through}
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid=names.PERIMETER_STATEMENT,
            effect=iam.Effect.DENY,
            actions=["s3:*"],
            principals=[iam.AnyPrincipal()],
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            conditions=conditions,
        )
    )


def _trusted_roles(stack: BaseStack, producers: Sequence[str]) -> list[str]:
    """Roles that call from elsewhere: of services, of the deploy, of the settings."""
    qualifier = stack.synthesizer.bootstrap_qualifier
    deploy = f"cdk-{qualifier}-cfn-exec-role-{stack.account}-{stack.region}"
    service = f"{stack.names.service_role_path.lstrip('/')}*"
    listed = [*stack.settings.perimeter.break_glass_roles, *producers]
    return [role_arn(stack, role) for role in (service, SERVICE_LINKED_ROLES, deploy, *listed)]


def role_arn(stack: BaseStack, role: str) -> str:
    """ARN of a role that the settings name by ARN, or by path and name in this account."""
    if role.startswith("arn:"):
        return role
    return f"arn:{stack.partition}:iam::{stack.account}:role/{role}"
