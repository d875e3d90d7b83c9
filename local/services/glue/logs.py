"""Where a Glue job run logs: Glue 5's groups and names, written as the job's role.

Spark's and Glue's lines go into the error group, the script's own into the output group. Under a
security configuration that covers logs, its name and the role's path and name stand in the groups'
names, and Glue puts both under the configuration's key when a run starts; where the role may not do
that, nothing is logged and the run goes on.

https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
https://github.com/cds-snc/forms-terraform/blob/develop/aws/glue/locals.tf
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import glue

from local.emulator.private_tables import pin
from local.engines import logs, roles

DEFAULT_PREFIX = "/aws-glue/jobs"
SSE_KMS = "SSE-KMS"
# How log4j begins a line: Spark's own, by PySpark's default layout.
_SYSTEM = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) ")
_log = logging.getLogger("millrace.glue")
pin("ministack.services.glue", _security_configs="scoped")


def ship(
    session: roles.RoleSession,
    record: Mapping[str, Any],
    arguments: Mapping[str, str],
    role_arn: str,
    log: Path,
) -> None:
    """Write the run's log file to both groups, into the stream that is named after the run."""
    lines = log.read_text(errors="replace").splitlines(keepends=True) if log.exists() else []
    key = _key(record)
    prefix = _prefix(record, arguments, role_arn, key)
    for kind in ("error", "output"):
        part = log.with_suffix(f".{kind}")
        part.write_text(
            "".join(line for line in lines if bool(_SYSTEM.match(line)) is (kind == "error"))
        )
        if key is None or _encrypted(session, f"{prefix}/{kind}", key):
            logs.ship(session, f"{prefix}/{kind}", record["Id"], part)


def _key(record: Mapping[str, Any]) -> str | None:
    """The key of the run's security configuration for logs, if it has one."""
    found = glue._security_configs.get(record.get("SecurityConfiguration", "")) or {}
    setting = found.get("EncryptionConfiguration", {}).get("CloudWatchEncryption", {})
    return setting.get("KmsKeyArn") if setting.get("CloudWatchEncryptionMode") == SSE_KMS else None


def _prefix(
    record: Mapping[str, Any], arguments: Mapping[str, str], role_arn: str, key: str | None
) -> str:
    prefix = arguments.get("--custom-logGroup-prefix", DEFAULT_PREFIX)
    if key is None:
        return prefix
    return f"{prefix}/{record['SecurityConfiguration']}-role{role_arn.split(':role', 1)[1]}"


def _encrypted(session: roles.RoleSession, group: str, key: str) -> bool:
    client = session.client("logs")
    try:
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=group)
        client.associate_kms_key(logGroupName=group, kmsKeyId=key)
    except (ClientError, BotoCoreError) as error:
        _log.warning("%s does not log to %s: %s", session.role_arn, group, error)
        return False
    return True
