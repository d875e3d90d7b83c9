"""The alarm on replicas that were not made: what is replicated goes on working without them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm, counted, summed
from stacks.replication.buckets import RULE
from stacks.replication.settings import Replication
from stacks.replication.zones import DOMAINS, replica_name


def replication_alarm(
    scope: Construct,
    construct_id: str,
    *,
    replication: Replication,
    buckets: Mapping[str, s3.IBucket],
    period: Duration,
    topic: sns.ITopic,
) -> RunbookAlarm:
    """Any operation that S3 gave up replicating; ``buckets`` by zone, ten at most.

    S3 publishes failures in the Region of the source, by source, destination and rule, and only
    together. https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    metrics = {
        zone.replace("-", "_"): counted(
            "AWS/S3",
            "OperationsFailedReplication",
            {
                "SourceBucket": bucket.bucket_name,
                "DestinationBucket": replica_name(replication, zone),
                "RuleId": RULE,
            },
            period,
        )
        for zone, bucket in sorted(buckets.items(), key=lambda item: list(DOMAINS).index(item[0]))
    }
    props = AlarmProps(
        metric=summed(metrics, "operations not replicated", period),
        threshold=1,
        section="replication-failed",
        what="S3 gave up replicating something; the metric by bucket says where.",
        topic=topic,
    )
    return RunbookAlarm(scope, construct_id, props=props)
