"""The alarm on recovery points that were not made: the table goes on working without them."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm, counted, summed

METRICS = {"failed": "NumberOfBackupJobsFailed", "aborted": "NumberOfBackupJobsAborted"}


def backup_alarm(
    scope: Construct, construct_id: str, *, vault: str, period: Duration, topic: sns.ITopic
) -> RunbookAlarm:
    """A backup job into this vault that failed, or was due and never ran.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
    """
    metrics = {
        key: counted("AWS/Backup", name, {"BackupVaultName": vault}, period)
        for key, name in METRICS.items()
    }
    props = AlarmProps(
        metric=summed(metrics, "jobs without a recovery point", period),
        threshold=1,
        section="backup-failed",
        what="A backup of the lease table was not made.",
        topic=topic,
    )
    return RunbookAlarm(scope, construct_id, props=props)
