"""Replication of every bucket: the role first, a rule on each bucket, alarms on what S3 gave up."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.settings import Settings
from stacks.kit.base_stack import stack_of
from stacks.kit.capability import Capability
from stacks.kit.foundation import Keys
from stacks.kit.service_role import ServiceRole
from stacks.replication.alarms import replication_alarm
from stacks.replication.buckets import replicate, replication_role
from stacks.replication.settings import Replication


def capability(settings: Settings) -> ReplicatedBuckets | None:
    """None where the settings want no replicas."""
    return ReplicatedBuckets(settings.replication) if settings.replication else None


class ReplicatedBuckets(Capability):
    """Copies of the buckets that the stacks make."""

    def __init__(self, replication: Replication) -> None:
        self._replication = replication
        self._role: ServiceRole | None = None
        self._unwatched: dict[str, s3.IBucket] = {}

    def keys_made(self, stack: Stack, keys: Keys, boundary: iam.IManagedPolicy) -> None:
        """The role comes before every bucket."""
        self._role = replication_role(
            stack_of(stack), self._replication, keys=keys, boundary=boundary
        )

    def bucket_made(self, bucket: s3.Bucket, zone: str) -> bool:
        """Replicate it, and remember it for the alarm of the next stack that has alarms."""
        assert self._role is not None
        if stack_of(bucket) is stack_of(self._role):
            # S3 checks the role's permissions when the bucket is given it.
            bucket.node.add_dependency(self._role.policy)
        replicate(bucket, self._replication, zone=zone, role_arn=self._role.role.role_arn)
        self._unwatched[zone] = bucket
        return True

    def alarms(
        self, scope: Construct, *, topic: sns.ITopic, period: Duration
    ) -> Iterator[cloudwatch.Alarm]:
        """One alarm on all buckets that were made since."""
        buckets, self._unwatched = self._unwatched, {}
        if buckets:
            yield replication_alarm(
                scope,
                "ReplicationFailed",
                replication=self._replication,
                buckets=buckets,
                period=period,
                topic=topic,
            )
