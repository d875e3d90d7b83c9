"""A bucket of the data lake: encrypted under its domain's key, TLS only, versioned, logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config.settings import SharedSettings
from stacks.kit.base_stack import stack_of
from stacks.kit.capability import capabilities_of
from stacks.kit.customer_policy import Reason
from stacks.kit.log_group import removal_policy
from stacks.kit.nag import acknowledge, except_from_review
from stacks.kit.s3_perimeter import close_perimeter

NONCURRENT_DAYS = 30
INCOMPLETE_UPLOAD_DAYS = 7
ERASABLE = Reason(
    constraint="Records about people and everything computed from them must be erasable on "
    "request, which a locked version is not.",
    evidence="docs/adr/0024-only-the-audit-trail-is-locked.md",
    control="Versioning keeps deleted objects for 30 days, few roles may delete, and the audit "
    "trail, which is locked, records who did.",
)
WITHOUT_EVENTS = Reason(
    constraint="Nothing waits for objects of this bucket: a notification needs a queue, a topic, a "
    "function or a rule, and one that nobody reads is cost and another way out.",
    evidence="https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html",
    control="Uploads to the landing zone do publish events; the audit trail records each call on "
    "an object of the lake and each change of a bucket.",
)


@dataclass(frozen=True, slots=True)
class ZoneBucketProps:
    """What differs between zones."""

    zone: str
    """Name of the zone; also the prefix of its access logs."""
    key: kms.IKey
    access_logs: s3.IBucket
    settings: SharedSettings
    expire_after_days: int | None = None
    """Days after which current objects expire, from the contract's retention; None keeps them."""
    short_lived: Mapping[str, int] = field(default_factory=dict)
    """Prefixes whose objects expire sooner, with their days."""
    lock_days: int | None = None
    """Days during which a version cannot be deleted; None where data must stay erasable."""
    events: bool = False
    """Publish object events to EventBridge."""
    endpoints: Sequence[str] = ()
    """VPC endpoints through which our workloads come; none: no workload has business here."""
    producers: Sequence[str] = ()
    """Roles of the settings that may call from outside the perimeter."""
    bucket_key: bool = True
    """Share data keys between objects, which saves calls of KMS."""
    sender: str | None = None
    """A service principal that brings the encryption it wants: see ``_deny_other_keys``."""


class ZoneBucket(Construct):
    """The bucket and its policy."""

    def __init__(self, scope: Construct, construct_id: str, *, props: ZoneBucketProps) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=props.key,
            bucket_key_enabled=props.bucket_key,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_enabled=props.lock_days is not None,
            object_lock_default_retention=(
                s3.ObjectLockRetention.governance(Duration.days(props.lock_days))
                if props.lock_days
                else None
            ),
            removal_policy=removal_policy(props.settings),
            lifecycle_rules=self._lifecycle(props),
        )
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        # The L2 property would write a statement about this bucket into the log bucket's policy,
        # an edge from the first stack to a later one.
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=props.access_logs.bucket_name,
            log_file_prefix=f"{props.zone}/",
        )
        if props.events:
            # `event_bridge_enabled=True` would add a custom resource, its Lambda and its role.
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        self._deny_other_keys(props.key, props.sender)
        stack = stack_of(self)
        close_perimeter(self.bucket, stack, endpoints=props.endpoints, producers=props.producers)
        announce(self.bucket, props.zone)
        if props.lock_days is None:
            acknowledge_erasable(self.bucket)
        if not props.events:
            acknowledge_without_events(self.bucket)

    @staticmethod
    def _lifecycle(props: ZoneBucketProps) -> list[s3.LifecycleRule]:
        expiration = props.expire_after_days
        whole = s3.LifecycleRule(
            expiration=Duration.days(expiration) if expiration else None,
            noncurrent_version_expiration=Duration.days(NONCURRENT_DAYS),
            abort_incomplete_multipart_upload_after=Duration.days(INCOMPLETE_UPLOAD_DAYS),
        )
        return [whole] + [
            s3.LifecycleRule(prefix=prefix, expiration=Duration.days(days))
            for prefix, days in props.short_lived.items()
        ]

    def _deny_other_keys(self, key: kms.IKey, sender: str | None) -> None:
        """Refuse an upload that names other encryption; without headers the default applies.

        From everybody but ``sender``, of which it is not documented what it names.
        """
        everyone, objects = iam.AnyPrincipal(), self.bucket.arn_for_objects("*")
        spared = {"aws:PrincipalServiceName": sender} if sender else {}
        for header, expected in (
            ("s3:x-amz-server-side-encryption", "aws:kms"),
            ("s3:x-amz-server-side-encryption-aws-kms-key-id", key.key_arn),
        ):
            self.bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=["s3:PutObject"],
                    principals=[everyone],
                    resources=[objects],
                    conditions={
                        "StringNotEquals": {header: expected} | spared,
                        "Null": {header: "false"},
                    },
                )
            )


def announce(bucket: s3.Bucket, zone: str) -> None:
    """Tell the capabilities of the bucket; where none copies it, say why."""
    copied = [each.bucket_made(bucket, zone) for each in capabilities_of(bucket)]
    if any(copied):
        return
    acknowledge(
        bucket,
        "HIPAA.Security-S3BucketReplicationEnabled",
        "NIST.800.53.R4-S3BucketReplicationEnabled",
        "NIST.800.53.R5-S3BucketReplicationEnabled",
        "PCI.DSS.321-S3BucketReplicationEnabled",
        constraint="This deployment is in one Region: replicas double storage, and need keys and "
        "buckets in another Region, which somebody has to bring.",
        evidence="docs/adr/0022-one-region.md",
        control="S3 keeps objects in three zones, versions protect against deletion and "
        "overwriting, and records can be replayed from the raw zone.",
    )


def acknowledge_erasable(bucket: s3.Bucket) -> None:
    """Only the audit trail is locked."""
    acknowledge(
        bucket,
        "NIST.800.53.R4-S3BucketDefaultLockEnabled",
        **asdict(ERASABLE),
    )
    except_from_review(bucket, "control-tower:CT.S3.PR.9", **asdict(ERASABLE))


def acknowledge_without_events(bucket: s3.Bucket) -> None:
    """Only uploads to the landing zone start something."""
    except_from_review(bucket, "control-tower:CT.S3.PR.4", **asdict(WITHOUT_EVENTS))
