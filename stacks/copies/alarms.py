"""Alarms on copies that were not made: replicas of buckets, recovery points of a table.

Nothing else tells of them: what is copied goes on working without its copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.settings_network import Replication
from stacks.copies.replication import RULE, replica_name
from stacks.kit.alarm import AlarmProps, RunbookAlarm

BACKUP_METRICS = {"failed": "NumberOfBackupJobsFailed", "aborted": "NumberOfBackupJobsAborted"}


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
        zone.replace("-", "_"): _count(
            "AWS/S3",
            "OperationsFailedReplication",
            {
                "SourceBucket": bucket.bucket_name,
                "DestinationBucket": replica_name(replication, zone),
                "RuleId": RULE,
            },
            period,
        )
        for zone, bucket in buckets.items()
    }
    props = AlarmProps(
        metric=_sum(metrics, "operations not replicated", period),
        threshold=1,
        section="replication-failed",
        what="S3 gave up replicating something; the metric by bucket says where.",
        topic=topic,
    )
    return RunbookAlarm(scope, construct_id, props=props)


def backup_alarm(
    scope: Construct, construct_id: str, *, vault: str, period: Duration, topic: sns.ITopic
) -> RunbookAlarm:
    """A backup job into this vault that failed, or was due and never ran.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
    """
    metrics = {
        key: _count("AWS/Backup", name, {"BackupVaultName": vault}, period)
        for key, name in BACKUP_METRICS.items()
    }
    props = AlarmProps(
        metric=_sum(metrics, "jobs without a recovery point", period),
        threshold=1,
        section="backup-failed",
        what="A backup of the lease table was not made.",
        topic=topic,
    )
    return RunbookAlarm(scope, construct_id, props=props)


def _count(
    namespace: str, name: str, dimensions: Mapping[str, str], period: Duration
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic="Sum",
        period=period,
    )


def _sum(
    metrics: Mapping[str, cloudwatch.IMetric], label: str, period: Duration
) -> cloudwatch.MathExpression:
    filled = " + ".join(f"FILL({key}, 0)" for key in metrics)
    return cloudwatch.MathExpression(
        expression=filled, using_metrics=metrics, label=label, period=period
    )
