"""CloudTrail on management calls and on every object of the lake, kept where nobody can erase it.

Data events cost by the event (100,000 for about 0.10 USD); the selectors name the six zones, so
the log buckets, whose every delivery would be an event, are left out.

The bucket has no Bucket Key: with one S3 tells KMS the bucket instead of the trail, and CloudTrail
wants to decrypt as well. A trail writes a few files in five minutes, so nothing is saved by it.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.base_stack import BaseStack
from stacks.constructs.foundation import Foundation
from stacks.constructs.log_group import encrypted_log_group
from stacks.constructs.replication import AUDIT
from stacks.constructs.service_role import ServiceRole, ServiceRoleProps
from stacks.constructs.zone_bucket import ZoneBucket, ZoneBucketProps

TRAIL_DAYS = 400
LOCK_DAYS = 365
# Where the settings allow deletion, a day is enough to see that the lock works.
DELETABLE_LOCK_DAYS = 1

SERVICE = "cloudtrail.amazonaws.com"

_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty


@dataclass(frozen=True, slots=True)
class AuditTrailProps:
    """Which buckets are watched."""

    foundation: Foundation
    watched: Sequence[s3.IBucket]


class AuditTrail(Construct):
    """Trail, its locked bucket, and the log group that the metric filters read."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: AuditTrailProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        # The bucket policy names the trail before the trail exists, hence the physical name.
        self._name = stack.names.stack_prefix.lower()
        self._arn = stack.format_arn(
            service="cloudtrail", resource="trail", resource_name=self._name
        )
        self.bucket = self._define_bucket()
        self.log_group = encrypted_log_group(
            self, "Logs", settings=stack.settings, key=props.foundation.keys.logs
        )
        self.writer = self._define_writer()
        self.trail = self._define_trail()

    def _define_bucket(self) -> s3.Bucket:
        settings = self._stack.settings
        deletable = settings.retention.allow_data_deletion
        bucket = ZoneBucket(
            self,
            "Trail",
            props=ZoneBucketProps(
                zone=AUDIT,
                replication_role=self._props.foundation.security.replication_role,
                key=self._props.foundation.keys.logs,
                access_logs=self._props.foundation.security.access_logs,
                settings=settings,
                expire_after_days=TRAIL_DAYS,
                lock_days=DELETABLE_LOCK_DAYS if deletable else LOCK_DAYS,
                bucket_key=False,
                sender=SERVICE,
            ),
        ).bucket
        service = iam.ServicePrincipal(SERVICE)
        ours = {"StringEquals": {"aws:SourceArn": self._arn}}
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketAcl"],
                principals=[service],
                resources=[bucket.bucket_arn],
                conditions=ours,
            )
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                principals=[service],
                resources=[bucket.arn_for_objects(f"AWSLogs/{self._stack.account}/*")],
                conditions={
                    "StringEquals": ours["StringEquals"]
                    | {"s3:x-amz-acl": "bucket-owner-full-control"}
                },
            )
        )
        return bucket

    def _define_writer(self) -> ServiceRole:
        writer = ServiceRole(
            self,
            "LogWriter",
            props=ServiceRoleProps(
                service=SERVICE,
                description="Sends the trail to its log group",
                path=self._stack.names.role_path,
                boundary=self._props.foundation.security.boundary,
                source_arn=self._arn,
            ),
        )
        writer.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [self.log_group.log_group_arn])
        return writer

    def _define_trail(self) -> cloudtrail.CfnTrail:
        trail = cloudtrail.CfnTrail(
            self,
            "Resource",
            trail_name=self._name,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self.bucket.bucket_name,
            kms_key_id=self._props.foundation.keys.logs.key_arn,
            cloud_watch_logs_log_group_arn=self.log_group.log_group_arn,
            cloud_watch_logs_role_arn=self.writer.role.role_arn,
            advanced_event_selectors=[self._management(), self._objects()],
        )
        trail.node.add_dependency(self.writer.policy)
        assert self.bucket.policy is not None
        trail.node.add_dependency(self.bucket.policy)
        return trail

    @staticmethod
    def _management() -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
        return _Selector(
            name="Management events",
            field_selectors=[_Field(field="eventCategory", equal_to=["Management"])],
        )

    def _objects(self) -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
        return _Selector(
            name="Objects of the lake",
            field_selectors=[
                _Field(field="eventCategory", equal_to=["Data"]),
                _Field(field="resources.type", equal_to=["AWS::S3::Object"]),
                _Field(
                    field="resources.ARN",
                    starts_with=[bucket.arn_for_objects("") for bucket in self._props.watched],
                ),
            ],
        )
