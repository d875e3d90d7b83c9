"""What is left of the copies when their stack is gone."""

from __future__ import annotations

import boto3

from stacks.backup.preflight import vault_exists


def _vault(session: boto3.Session, name: str) -> str:
    return "kept with its recovery points" if vault_exists(session.client("backup"), name) else ""


PROBES = {"AWS::Backup::BackupVault": _vault}
