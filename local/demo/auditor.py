"""A role that may read the lake and tell its records apart, for the recount.

The raw zone's key may be used by roles of this deployment only: an administrator cannot open the
originals, which hold classified values in clear. So the demo does what an auditor would ask for:
a role below the deployment's IAM path that may list, read and decrypt, and derive the key by which
records without an id are counted; removed before tear-down.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.names import Scope
from lambdas.shared.pseudonyms import derived_key
from local.platform import Platform
from operations.deployed import Deployed

ROLE = "demo-auditor"
SESSION_SECONDS = 12 * 3600


def create(platform: Platform, scope: Scope, deployed: Deployed) -> dict[str, str]:
    """Create the role and assume it; the session as ``AWS_…`` variables."""
    iam = platform.client("iam")
    caller = platform.client("sts").get_caller_identity()["Arn"]
    role = iam.create_role(
        RoleName=ROLE,
        Path=scope.role_path,
        AssumeRolePolicyDocument=json.dumps(_trust(caller)),
        MaxSessionDuration=SESSION_SECONDS,
    )["Role"]["Arn"]
    policy = iam.create_policy(
        PolicyName=ROLE, Path=scope.role_path, PolicyDocument=json.dumps(_policy(deployed))
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=policy)
    answer = platform.client("sts").assume_role(
        RoleArn=role, RoleSessionName="recount", DurationSeconds=SESSION_SECONDS
    )
    keys = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def record_key(platform: Platform, deployed: Deployed, session: dict[str, str]) -> bytes:
    """The derived key of the pseudonyms, asked with the auditor's session."""
    return derived_key(platform.client("kms", session), _pseudonym_key(deployed))


def remove(platform: Platform) -> None:
    """Delete role and policy; fine if they are not there."""
    iam = platform.client("iam")
    try:
        attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        for policy in attached:
            iam.detach_role_policy(RoleName=ROLE, PolicyArn=policy["PolicyArn"])
            iam.delete_policy(PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


def _trust(caller: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy(deployed: Deployed) -> dict[str, Any]:
    buckets = [r.physical_id for r in deployed.of_type("AWS::S3::Bucket", deployed_lake(deployed))]
    arns = [f"arn:aws:s3:::{name}" for name in buckets]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arns},
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": [f"{arn}/*" for arn in arns],
            },
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
            },
            {
                "Effect": "Allow",
                "Action": "kms:GenerateMac",
                "Resource": f"arn:aws:kms:*:*:key/{_pseudonym_key(deployed)}",
            },
        ],
    }


def _pseudonym_key(deployed: Deployed) -> str:
    return deployed.one("AWS::KMS::Key", "security", "Pseudonyms")


def deployed_lake(deployed: Deployed) -> str:
    """Short name of the stack that holds the zones."""
    return next(name for name in deployed.stacks if name.startswith("data"))
