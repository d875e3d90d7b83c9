"""CloudTrail on every object of the lake and on management calls, kept where nobody can erase it.

Two trails into one bucket. Data events cost by the event (100,000 for about 0.10 USD), so their
trail has no log group, which would cost by the gigabyte for the same events again; its selectors
name the six zones and leave out the log buckets, whose every delivery would be an event. Management
events are free in the account's first trail and 2 USD for 100,000 in every further one: theirs is
made only where the settings say that the account has none.

https://aws.amazon.com/cloudtrail/pricing/

The bucket has no Bucket Key: with one S3 tells KMS the bucket instead of the trail, and CloudTrail
wants to decrypt as well. A trail writes a few files in five minutes, so nothing is saved by it.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import Reason
from stacks.kit.foundation import Foundation
from stacks.kit.log_group import encrypted_log_group
from stacks.kit.nag import acknowledge, except_from_review
from stacks.kit.service_role import ServiceRole, ServiceRoleProps
from stacks.kit.zone_bucket import ZoneBucket, ZoneBucketProps

TRAIL_DAYS = 400
LOCK_DAYS = 365
# Where the settings allow deletion, a day is enough to see that the lock works.
DELETABLE_LOCK_DAYS = 1

SERVICE = "cloudtrail.amazonaws.com"
NO_LOG_GROUP = Reason(
    constraint="Every read and write of an object is an event: a log group would charge for each "
    "of them a second time, and no metric filter reads data events.",
    evidence="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"
    "logging-data-events-with-cloudtrail.html",
    control="The events are kept under Object Lock with validated log files; the management "
    "events, which the filters and alarms read, have a trail with a log group.",
)

_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty


@dataclass(frozen=True, slots=True)
class AuditTrailProps:
    """Which buckets are watched."""

    foundation: Foundation
    watched: Sequence[s3.IBucket]


class AuditTrail(Construct):
    """Trails and their locked bucket.

    ``log_group`` holds management events, for the metric filters; None without their trail.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: AuditTrailProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        # The bucket policy names the trails before they exist, hence the physical names.
        self._name = stack.names.stack_prefix.lower()
        self._management_name = f"{self._name}-management"
        self._manages = stack.settings.audit.management_trail == "create"
        self.bucket = self._define_bucket()
        self.log_group: logs.LogGroup | None = None
        self.trail = self._define_data_trail()
        if self._manages:
            self.log_group = encrypted_log_group(
                self, "Logs", settings=stack.settings, key=props.foundation.keys.logs
            )
            self.management = self._define_management_trail(self.log_group)

    def _arn(self, name: str) -> str:
        return self._stack.arn("cloudtrail", f"trail/{name}")

    def _define_bucket(self) -> s3.Bucket:
        settings = self._stack.settings
        deletable = settings.retention.allow_data_deletion
        bucket = ZoneBucket(
            self,
            "Trail",
            props=ZoneBucketProps(
                zone="audit",
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
        names = [self._name, *([self._management_name] if self._manages else [])]
        ours = {"StringEquals": {"aws:SourceArn": [self._arn(name) for name in names]}}
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

    def _define_writer(self, log_group: logs.LogGroup) -> ServiceRole:
        writer = ServiceRole(
            self,
            "LogWriter",
            props=ServiceRoleProps(
                service=SERVICE,
                description="Sends the trail to its log group",
                path=self._stack.names.role_path,
                boundary=self._props.foundation.security.boundary,
                source_arn=self._arn(self._management_name),
            ),
        )
        writer.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        return writer

    def _define_data_trail(self) -> cloudtrail.CfnTrail:
        trail = self._define_trail("Resource", self._name, self._objects())
        _acknowledge_no_log_group(trail)
        return trail

    def _define_management_trail(self, log_group: logs.LogGroup) -> cloudtrail.CfnTrail:
        self.writer = self._define_writer(log_group)
        trail = self._define_trail("Management", self._management_name, self._management())
        trail.cloud_watch_logs_log_group_arn = log_group.log_group_arn
        trail.cloud_watch_logs_role_arn = self.writer.role.role_arn
        trail.node.add_dependency(self.writer.policy)
        return trail

    def _define_trail(
        self,
        construct_id: str,
        name: str,
        selector: cloudtrail.CfnTrail.AdvancedEventSelectorProperty,
    ) -> cloudtrail.CfnTrail:
        trail = cloudtrail.CfnTrail(
            self,
            construct_id,
            trail_name=name,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self.bucket.bucket_name,
            kms_key_id=self._props.foundation.keys.logs.key_arn,
            advanced_event_selectors=[selector],
        )
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


def _acknowledge_no_log_group(trail: cloudtrail.CfnTrail) -> None:
    acknowledge(
        trail,
        "HIPAA.Security-CloudTrailCloudWatchLogsEnabled",
        "NIST.800.53.R4-CloudTrailCloudWatchLogsEnabled",
        "NIST.800.53.R5-CloudTrailCloudWatchLogsEnabled",
        "PCI.DSS.321-CloudTrailCloudWatchLogsEnabled",
        **asdict(NO_LOG_GROUP),
    )
    except_from_review(trail, "control-tower:CT.CLOUDTRAIL.PR.3", **asdict(NO_LOG_GROUP))
