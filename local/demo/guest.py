"""Roles of people and producers outside the deployment, made for the time of a story."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from local.platform import Platform

SESSION_SECONDS = 12 * 3600


def create(
    platform: Platform, name: str, policies: Sequence[str], *, path: str = "/"
) -> dict[str, str]:
    """Create a role that attaches policies (ARNs) and assume it; the session as ``AWS_…``."""
    iam = platform.client("iam")
    caller = platform.client("sts").get_caller_identity()["Arn"]
    role = iam.create_role(
        RoleName=name,
        Path=path,
        AssumeRolePolicyDocument=json.dumps(_trust(caller)),
        MaxSessionDuration=SESSION_SECONDS,
    )["Role"]["Arn"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    answer = platform.client("sts").assume_role(
        RoleArn=role, RoleSessionName=name, DurationSeconds=SESSION_SECONDS
    )
    keys = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def remove(platform: Platform, name: str) -> list[str]:
    """Delete the role; the policies that it had attached. Fine if it is not there."""
    iam = platform.client("iam")
    try:
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        for policy in attached:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return []
    return [policy["PolicyArn"] for policy in attached]


def _trust(caller: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
