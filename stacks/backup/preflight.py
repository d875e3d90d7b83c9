"""Asked of the account before a deploy: whether somebody else holds the vault's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.preflight.answer import Answer
from operations.preflight.inquiry import Inquiry
from operations.preflight.names import Named, taken

SUBJECT = "name: AWS::Backup::BackupVault"


def vault_exists(backup: Any, name: str) -> bool:
    """Looked up in the list: a vault that does not exist is refused like one that is closed."""
    pages = backup.get_paginator("list_backup_vaults").paginate()
    return any(vault["BackupVaultName"] == name for p in pages for vault in p["BackupVaultList"])


FIXED = {"AWS::Backup::BackupVault": Named("BackupVaultName", "backup", vault_exists)}


def answers(inquiry: Inquiry) -> Iterator[Answer]:
    """Whether the name is free."""
    return taken(inquiry, FIXED)
