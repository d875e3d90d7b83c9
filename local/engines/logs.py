"""Job and endpoint logs in CloudWatch Logs, written as the execution role.

A role that may not write logs loses them on AWS without failing the job; the same happens here,
and the local log file stays either way.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.engines.roles import RoleSession

_BATCH = 1000
_log = logging.getLogger("millrace.sagemaker")


def ship(session: RoleSession, group: str, stream: str, log: Path, skip: int = 0) -> int:
    """Put the lines of ``log`` after byte ``skip`` into the stream; return the new offset."""
    content = log.read_bytes()[skip:] if log.exists() else b""
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    if lines:
        try:
            _put(session, group, stream, lines)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s could not write log group %s: %s", session.role_arn, group, error)
    return skip + len(content)


def _put(session: RoleSession, group: str, stream: str, lines: list[str]) -> None:
    client = session.client("logs")
    for create, arguments in (
        (client.create_log_group, {"logGroupName": group}),
        (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        try:
            create(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
    now = int(time.time() * 1000)
    for start in range(0, len(lines), _BATCH):
        events = [{"timestamp": now, "message": line} for line in lines[start : start + _BATCH]]
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
