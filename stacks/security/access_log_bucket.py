"""The bucket that S3 delivers server access logs to.

S3 cannot deliver access logs to a bucket encrypted under a customer key, nor to one with Object
Lock defaults, so this bucket differs from the zones. It lives in the first stack and names no later
bucket: the delivery service may write for any bucket of this account.
"""

from __future__ import annotations

from dataclasses import asdict

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import Reason
from stacks.kit.log_group import removal_policy
from stacks.kit.nag import acknowledge, except_from_review
from stacks.kit.s3_perimeter import close_perimeter
from stacks.kit.zone_bucket import (
    acknowledge_erasable,
    acknowledge_without_events,
    announce,
)

DELIVERY_PAGE = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html"
)

LAST = Reason(
    constraint="This is the bucket that access logs go to: logging its own deliveries would "
    "write a log of each log, without end.",
    evidence=DELIVERY_PAGE,
    control="Management events of the audit trail show every change of the bucket, its policy "
    "lets the delivery service write only for this account, and versions are kept.",
)
S3_MANAGED = Reason(
    constraint="S3 delivers server access logs only to buckets with S3-managed encryption.",
    evidence=DELIVERY_PAGE,
    control="Access logs hold request lines and no record; public access is blocked and plain "
    "HTTP is denied.",
)


def access_log_bucket(scope: Construct, stack: BaseStack) -> s3.Bucket:
    """Create the bucket and let the log delivery service write to it."""
    settings = stack.settings
    bucket = s3.Bucket(
        scope,
        "AccessLogs",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        removal_policy=removal_policy(settings),
        lifecycle_rules=[
            s3.LifecycleRule(
                expiration=Duration.days(settings.retention.log_days),
                noncurrent_version_expiration=Duration.days(7),
                abort_incomplete_multipart_upload_after=Duration.days(7),
            )
        ],
    )
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:PutObject"],
            principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
            resources=[bucket.arn_for_objects("*")],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
    )
    close_perimeter(bucket, stack)
    announce(bucket, "access-logs")
    _acknowledge(bucket)
    return bucket


def _acknowledge(bucket: s3.Bucket) -> None:
    acknowledge_erasable(bucket)
    acknowledge_without_events(bucket)
    acknowledge(
        bucket,
        "AwsSolutions-S1",
        "HIPAA.Security-S3BucketLoggingEnabled",
        "NIST.800.53.R4-S3BucketLoggingEnabled",
        "NIST.800.53.R5-S3BucketLoggingEnabled",
        "PCI.DSS.321-S3BucketLoggingEnabled",
        **asdict(LAST),
    )
    except_from_review(bucket, "checkov:CKV_AWS_18", "control-tower:CT.S3.PR.2", **asdict(LAST))
    acknowledge(
        bucket,
        "HIPAA.Security-S3DefaultEncryptionKMS",
        "NIST.800.53.R5-S3DefaultEncryptionKMS",
        "PCI.DSS.321-S3DefaultEncryptionKMS",
        **asdict(S3_MANAGED),
    )
    except_from_review(bucket, "control-tower:CT.S3.PR.10", **asdict(S3_MANAGED))
