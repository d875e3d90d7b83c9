"""The buckets that replication writes to, which a platform team brings: here, the local platform's.

They stand in the account and Region that the settings name, versioned, and their policies admit the
replicating role, as docs/first-deploy.md asks of the real ones.
"""

from __future__ import annotations

import json
from typing import Any

from config.settings import Settings
from local.platform import Platform
from stacks.replication.zones import LOCKED, replica_buckets

TO_OBJECTS = (
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
)


def bring(platform: Platform, settings: Settings) -> None:
    """Create the destination buckets of the settings' replication, if they want one."""
    replication = settings.replication
    if replication is None or platform.info is None:
        return
    owner = platform.root_of(replication.account) if replication.account else None
    s3 = platform.client("s3", owner, replication.region)
    for zone, bucket in replica_buckets(replication).items():
        s3.create_bucket(
            Bucket=bucket,
            CreateBucketConfiguration={"LocationConstraint": replication.region},
            ObjectLockEnabledForBucket=zone == LOCKED,
        )
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        policy = admission(settings, bucket, platform.info.account)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def admission(settings: Settings, bucket: str, account: str) -> dict[str, Any]:
    """Bucket policy that lets the deployment's replicating role, and its preflight, in."""
    path = settings.scope.service_role_path
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    ours = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role{path}*"}}
    asked = ["s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": root,
                "Action": list(TO_OBJECTS),
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": ours,
            },
            {
                "Effect": "Allow",
                "Principal": root,
                "Action": asked,
                "Resource": f"arn:aws:s3:::{bucket}",
            },
        ],
    }
