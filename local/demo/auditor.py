"""A role that may read the lake and tell its records apart, for the recount.

The raw zone's key may be used by roles of this deployment only: an administrator cannot open the
originals, which hold classified values in clear. So the demo does what an auditor would ask for:
a role below the deployment's IAM path that may list, read and decrypt, look tables up, and derive
the key by which records without an id are counted; removed before tear-down.
"""

from __future__ import annotations

import json
from typing import Any

from core.names import Scope
from core.pseudonyms import derived_key
from local.demo import guest
from local.platform import Platform
from operations.deployed import Deployed

ROLE = "demo-auditor"


def create(platform: Platform, scope: Scope, deployed: Deployed) -> dict[str, str]:
    """Create the role and assume it; the session as ``AWS_…`` variables."""
    policy = platform.client("iam").create_policy(
        PolicyName=ROLE, Path=scope.role_path, PolicyDocument=json.dumps(_policy(deployed))
    )["Policy"]["Arn"]
    return guest.create(platform, ROLE, [policy], path=scope.role_path)


def record_key(platform: Platform, deployed: Deployed, session: dict[str, str]) -> bytes:
    """The derived key of the pseudonyms, asked with the auditor's session."""
    return derived_key(platform.client("kms", session), _pseudonym_key(deployed))


def remove(platform: Platform) -> None:
    """Delete role and policy; fine if they are not there."""
    iam = platform.client("iam")
    for policy in guest.remove(platform, ROLE):
        iam.delete_policy(PolicyArn=policy)


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
                "Action": "glue:GetTable",
                "Resource": [
                    "arn:aws:glue:*:*:catalog",
                    f"arn:aws:glue:*:*:database/{deployed.database()}",
                    f"arn:aws:glue:*:*:table/{deployed.database()}/*",
                ],
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
