"""Backup of the lease table: a vault with daily copies, and an alarm on one that was not made."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.settings import Settings
from stacks.backup.alarm import backup_alarm
from stacks.backup.vault import TableBackup, TableBackupProps
from stacks.kit.base_stack import stack_of
from stacks.kit.capability import Capability
from stacks.kit.foundation import Keys


def capability(settings: Settings) -> BackedUpTables | None:
    """None where the settings keep no copies."""
    return BackedUpTables(settings.backup.days) if settings.backup else None


class BackedUpTables(Capability):
    """Copies of the tables that the stacks make."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._boundary: iam.IManagedPolicy | None = None
        self._unwatched: list[TableBackup] = []

    def key_services(self, domain: str) -> tuple[str, ...]:
        """Tables and recovery points are under the key of messages."""
        return ("backup",) if domain == "messages" else ()

    def keys_made(self, stack: Stack, keys: Keys, boundary: iam.IManagedPolicy) -> None:
        """Remember what the role that copies is bounded by."""
        self._boundary = boundary

    def table_made(self, table: dynamodb.Table) -> bool:
        """Copy it daily under its own key."""
        assert self._boundary is not None
        assert table.encryption_key is not None
        props = TableBackupProps(
            table=table, key=table.encryption_key, boundary=self._boundary, days=self._days
        )
        backup = TableBackup(stack_of(table), f"{table.node.id}Backup", props=props)
        self._unwatched.append(backup)
        return True

    def alarms(
        self, scope: Construct, *, topic: sns.ITopic, period: Duration
    ) -> Iterator[cloudwatch.Alarm]:
        """An alarm on each vault that was made since."""
        backups, self._unwatched = self._unwatched, []
        for backup in backups:
            yield backup_alarm(
                scope, "BackupFailed", vault=backup.vault_name, period=period, topic=topic
            )
