"""Replication of the buckets to those that the platform team brings in another Region.

One role for all: its object resources are the pattern of this deployment's bucket names, for it has
to exist before the first bucket does and may not name a later stack's. Delete markers are
replicated, so that what is erased here disappears there; versions are not deleted there by S3, the
replicas' own lifecycle does that.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from stacks.kit.base_stack import BaseStack, generated, stack_of
from stacks.kit.customer_policy import Reason
from stacks.kit.foundation import Keys
from stacks.kit.service_role import ServiceRole, ServiceRoleProps
from stacks.replication.settings import Replication
from stacks.replication.zones import DOMAINS, replica_name

REPLICAS = Reason(
    constraint="The role exists before the first bucket, names of buckets are generated, and "
    "replication is of whole buckets.",
    evidence="https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html",
    control="Only S3 assumes it, the patterns are this deployment's own buckets and their "
    "replicas, it can write replicas only, and each key is tied to S3 and its Region.",
)
RULE = "everything"
"""Id of a bucket's one rule; a dimension of its metrics."""

_Rule = s3.CfnBucket.ReplicationRuleProperty
_Criteria = s3.CfnBucket.SourceSelectionCriteriaProperty
_Destination = s3.CfnBucket.ReplicationDestinationProperty


def replication_role(
    stack: BaseStack, replication: Replication, *, keys: Keys, boundary: iam.IManagedPolicy
) -> ServiceRole:
    """The role that S3 replicates with."""
    role = ServiceRole(
        stack,
        "Replication",
        props=ServiceRoleProps(
            service="s3.amazonaws.com",
            description="Replicates the buckets of this deployment",
            path=stack.names.service_role_path,
            boundary=boundary,
        ),
    )
    ours = f"arn:{stack.partition}:s3:::{generated(stack).lower()}*"
    theirs = f"arn:{stack.partition}:s3:::{replication.bucket_prefix}-*"
    _allow_objects(role, ours, f"{theirs}/*")
    sources = (keys.raw, keys.data, keys.models, keys.logs)
    here, there = (f"s3.{region}.amazonaws.com" for region in (stack.region, replication.region))
    role.allow(["kms:Decrypt"], [key.key_arn for key in sources], _for_s3(here, ours))
    role.allow(
        ["kms:Encrypt", "kms:GenerateDataKey"],
        list(replication.keys.model_dump().values()),
        _for_s3(there, theirs),
    )
    return role


def _allow_objects(role: ServiceRole, ours: str, theirs: str) -> None:
    # The pattern's star takes slashes, too: buckets and their objects are one resource.
    role.allow(
        [
            "s3:GetObjectLegalHold",
            "s3:GetObjectRetention",
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionTagging",
            "s3:GetReplicationConfiguration",
            "s3:ListBucket",
        ],
        [ours],
        reason=REPLICAS,
    )
    role.allow(
        [
            "s3:ObjectOwnerOverrideToBucketOwner",
            "s3:ReplicateDelete",
            "s3:ReplicateObject",
            "s3:ReplicateTags",
        ],
        [theirs],
        reason=REPLICAS,
    )


def _for_s3(service: str, buckets: str) -> dict[str, dict[str, str]]:
    """A key is used on behalf of S3 only, for what lies in these buckets.

    The context is the ARN of the bucket with a bucket key, of the object without.
    """
    return {
        "StringEquals": {"kms:ViaService": service},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": buckets},
    }


def replicate(bucket: s3.Bucket, replication: Replication, *, zone: str, role_arn: str) -> None:
    """Replicate every object of the bucket to ``<bucket_prefix>-<zone>``."""
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError(f"{bucket.node.path} has no CfnBucket")
    encrypted = DOMAINS[zone] is not None
    resource.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
        role=role_arn,
        rules=[
            _Rule(
                id=RULE,
                priority=1,
                status="Enabled",
                filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
                delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(
                    status="Enabled"
                ),
                source_selection_criteria=_Criteria(
                    sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(
                        status="Enabled"
                    )
                )
                if encrypted
                else None,
                destination=_destination(stack_of(bucket), replication, zone),
            )
        ],
    )


def _destination(
    stack: BaseStack, replication: Replication, zone: str
) -> s3.CfnBucket.ReplicationDestinationProperty:
    domain = DOMAINS[zone]
    return _Destination(
        bucket=f"arn:{stack.partition}:s3:::{replica_name(replication, zone)}",
        account=replication.account,
        access_control_translation=s3.CfnBucket.AccessControlTranslationProperty(
            owner="Destination"
        )
        if replication.account
        else None,
        encryption_configuration=s3.CfnBucket.EncryptionConfigurationProperty(
            replica_kms_key_id=getattr(replication.keys, domain)
        )
        if domain
        else None,
        # Pending bytes and failed operations in CloudWatch.
        metrics=s3.CfnBucket.MetricsProperty(status="Enabled"),
    )
