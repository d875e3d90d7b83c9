"""Answer to CloudFormation by the custom resource protocol.

A request that gets no answer holds its stack for an hour, so an answer is tried several times.
"""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

ATTEMPTS = 4
TIMEOUT_SECONDS = 10
# CloudFormation refuses answers above 4 KB.
REASON_CHARACTERS = 1000


def document(
    request: dict[str, Any], physical_id: str, data: dict[str, str], failure: str | None
) -> dict[str, Any]:
    """The answer: SUCCESS, or FAILED with a reason."""
    return {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": (failure or "done")[:REASON_CHARACTERS],
        "PhysicalResourceId": physical_id,
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "NoEcho": False,
        "Data": data,
    }


def send(url: str, answer: dict[str, Any], pause_seconds: float = 1.0) -> None:
    """PUT the answer to the pre-signed URL, which takes it only with an empty content type.

    Raises:
        urllib.error.URLError: no attempt got through.
    """
    body = json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")
    # The SDK's own variable for a private certificate authority holds here as well.
    trust = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    for attempt in range(1, ATTEMPTS + 1):
        put = urllib.request.Request(  # noqa: S310 (the URL comes from CloudFormation)
            url, data=body, method="PUT", headers={"Content-Type": ""}
        )
        try:
            with urllib.request.urlopen(put, timeout=TIMEOUT_SECONDS, context=trust):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError):
            if attempt == ATTEMPTS:
                raise
            time.sleep(pause_seconds * attempt)
