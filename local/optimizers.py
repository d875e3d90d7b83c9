"""Runs a table's optimizer on the local platform, where nothing runs it by itself."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.platform import Platform

SECONDS = 300
KINDS = ("compaction", "retention", "orphan_file_deletion")
BUSY = ("starting", "in_progress")


def run(
    platform: Platform, database: str, table: str, kind: str, now: float | None = None
) -> dict[str, Any]:
    """Run one optimizer to its end, as its role; the run as ListTableOptimizerRuns answers it.

    Args:
        platform: that runs.
        database: of the table.
        table: its name.
        kind: one of :data:`KINDS`.
        now: seconds of the moment from which ages are counted, instead of the present.

    Raises:
        urllib.error.HTTPError: the table has no such optimizer, or it is not enabled.
        TimeoutError: it did not end.
    """
    assert platform.info is not None, "the platform is not running"
    names = {"DatabaseName": database, "TableName": table, "Type": kind}
    request = {"CatalogId": platform.info.account, **names}
    _ask(platform, {**request, "Now": now})
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        [last, *_] = platform.client("glue").list_table_optimizer_runs(**request)[
            "TableOptimizerRuns"
        ]
        if last["eventType"] not in BUSY:
            found: dict[str, Any] = last
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{kind} of {database}.{table} did not end")


def _ask(platform: Platform, members: dict[str, Any]) -> None:
    """Call an operation that no client has, because AWS has none such."""
    assert platform.info is not None
    keys = platform.environment()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSGlue.RunTableOptimizer",
    }
    request = AWSRequest("POST", platform.info.endpoint, headers, json.dumps(members).encode())
    credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "glue", platform.info.region).add_auth(request)
    made = urllib.request.Request(  # noqa: S310 (the platform's own address)
        platform.info.endpoint, request.data, dict(request.headers), method="POST"
    )
    trust = ssl.create_default_context(cafile=platform.info.certificate)
    with urllib.request.urlopen(made, context=trust):  # noqa: S310
        pass
