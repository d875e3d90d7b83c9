"""Combinations of the copies of the lease table that are refused."""

from __future__ import annotations

from config.rule import AWS, Rule

_VAULT = f"{AWS}aws-backup/latest/devguide/create-a-vault.html"


RULES: tuple[Rule, ...] = (
    Rule("backup-outlives-stack", "backup", ("retention.allow_data_deletion",),
         lambda s: s.backup is not None and s.retention.allow_data_deletion,
         "allowed with retention.allow_data_deletion: null, a vault with copies in it is not "
         "deleted with its stack", _VAULT),
)  # fmt: skip
