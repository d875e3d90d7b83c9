"""Objects that a service writes itself: with their events and replicas, asking nobody.

Who may write has been decided by then: :mod:`local.emulator.callers` or ``service_roles``.
"""

from __future__ import annotations

from typing import Any

from local.emulator.private_tables import pin

pin("ministack.services.s3", handle_request="callable")
SECONDS = 30


def put(bucket: str, key: str, body: bytes, content_type: str) -> None:
    """Write one object; not from the event loop.

    Raises:
        OSError: S3 refused.
    """
    from ministack import app
    from ministack.services import s3

    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "host": "s3.localhost",
    }

    async def request(*_: Any) -> tuple[int, dict[str, str], bytes]:
        answer: tuple[int, dict[str, str], bytes] = await s3.handle_request(
            "PUT", f"/{bucket}/{key}", headers, body, {}, internal=True
        )
        return answer

    status, _, answer = app.call_service_handler_sync(request, "PUT", "", {}, b"", {}, SECONDS)
    if status >= 300:
        raise OSError(f"PUT s3://{bucket}/{key}: {status} {answer[:200]!r}")
