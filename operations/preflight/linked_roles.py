"""Service-linked roles: a service makes its own on first use, if the deploying role may.

CloudFormation acts with the bootstrap's execution role, which has administrator rights unless the
account was bootstrapped with less. It is asked of IAM's simulator instead of finding out.
https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from config import resource_types
from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

BOOTSTRAP_FIRST = "make bootstrap, then ask again"


def linked_roles(inquiry: Inquiry) -> Iterator[Answer]:
    """One answer a role: it is there, or may be made."""
    iam = inquiry.client("iam")
    for kind, known in resource_types.table().items():
        if known.linked_role and any(True for _ in inquiry.resources(kind)):
            yield _answer(inquiry, iam, known.linked_role.name, known.linked_role.service)


def _answer(inquiry: Inquiry, iam: Any, name: str, service: str) -> Answer:
    subject = f"service-linked role of {service.removesuffix('.amazonaws.com')}"
    if _there(iam, name):
        return Answer(subject, State.OK, f"{name} exists")
    deploying = _deploying_role(inquiry)
    if not _there(iam, deploying.rpartition("/")[2]):
        said = (
            f"{name} does not exist; whether {deploying} may make it is known after the bootstrap"
        )
        return Answer(subject, State.NO_ANSWER, said, BOOTSTRAP_FIRST)
    if _may_be_made(iam, deploying, name, service):
        return Answer(subject, State.OK, f"{name} will be made by the service on first use")
    return Answer(
        subject,
        State.MISSING,
        f"{name} does not exist, and the role that CloudFormation deploys with may not make it",
        f"aws iam create-service-linked-role --aws-service-name {service}",
    )


def _there(iam: Any, name: str) -> bool:
    try:
        iam.get_role(RoleName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True


def _deploying_role(inquiry: Inquiry) -> str:
    """ARN of the role that the bootstrap makes for CloudFormation."""
    account = inquiry.client("sts").get_caller_identity()["Account"]
    partition = inquiry.client("sts").meta.partition
    qualifier = inquiry.bootstrap[0].split("/")[2]
    role = f"cdk-{qualifier}-cfn-exec-role-{account}-{inquiry.settings.region}"
    return f"arn:{partition}:iam::{account}:role/{role}"


def _may_be_made(iam: Any, deploying: str, name: str, service: str) -> bool:
    answer = iam.simulate_principal_policy(
        PolicySourceArn=deploying,
        ActionNames=["iam:CreateServiceLinkedRole"],
        ResourceArns=[f"{deploying.rpartition('/')[0]}/aws-service-role/{service}/{name}"],
        ContextEntries=[
            {"ContextKeyName": "iam:AWSServiceName", "ContextKeyType": "string",
             "ContextKeyValues": [service]}
        ],
    )  # fmt: skip
    return all(item["EvalDecision"] == "allowed" for item in answer["EvaluationResults"])
