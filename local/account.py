"""What the owner of an AWS account does once before Millrace is deployed into it.

On AWS these are steps of docs/first-deploy.md, section The account, and ``make deploy`` stops with
their commands while they are missing. The local platform's account is as new as any, so its owner
takes the same steps, by the same calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

SHARED_LOG_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")
SHARED_LOG_DAYS = 400
LOGGING_ROLE = "api-gateway-logs"
PUSH_LOGS = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def prepare(client: Callable[[str], Any]) -> None:
    """Take the steps, as far as nobody has yet; ``client`` gives the owner's clients."""
    gateway, iam = client("apigateway"), client("iam")
    if gateway.get_account().get("cloudwatchRoleArn"):
        return
    _make_shared_log_groups(client("logs"))
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName=LOGGING_ROLE,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.attach_role_policy(RoleName=LOGGING_ROLE, PolicyArn=PUSH_LOGS)
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    gateway.update_account(patchOperations=[change])


def _make_shared_log_groups(client: Any) -> None:
    """SageMaker's groups for jobs are the same for every deployment, so no stack can own them."""
    for name in SHARED_LOG_GROUPS:
        client.create_log_group(logGroupName=name)
        client.put_retention_policy(logGroupName=name, retentionInDays=SHARED_LOG_DAYS)


def raise_quotas(client: Any, wanted: dict[tuple[str, str], int]) -> None:
    """Ask for more of quotas, by service code and quota name."""
    for (service, name), value in wanted.items():
        pages = client.get_paginator("list_aws_default_service_quotas").paginate(
            ServiceCode=service
        )
        (code,) = [
            quota["QuotaCode"]
            for page in pages
            for quota in page["Quotas"]
            if quota["QuotaName"] == name
        ]
        client.request_service_quota_increase(
            ServiceCode=service, QuotaCode=code, DesiredValue=value
        )
