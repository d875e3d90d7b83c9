"""Who may not list a bucket is not told that an object is missing: S3 answers 403 instead of 404.

A reader that is granted objects by name therefore cannot tell a missing file from a forbidden one.
The question carries no ``s3:prefix``, so a listing that is granted for prefixes does not help.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from local.emulator import callers
from local.emulator.extensions import Response, Tables

_LIST = "s3:ListBucket"
# Parameters of a request for an object itself.
_PLAIN = frozenset({"x-id", "versionId", "partNumber"})


def _asks_for_an_object(method: str, path: str, query: dict[str, Any]) -> bool:
    _, _, key = path.lstrip("/").partition("/")
    return method in {"GET", "HEAD"} and bool(key) and not query.keys() - _PLAIN


def _may_list(bucket: str) -> bool:
    principal = callers.held_to_policies()
    if principal is None:
        return True
    return bool(callers.decide(principal, _LIST, f"arn:aws:s3:::{bucket}").decision == "Allow")


def _hiding(original: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any],
        *rest: Any, **more: Any,
    ) -> Response:  # fmt: skip
        answer = await original(method, path, headers, body, query, *rest, **more)
        if answer[0] != 404 or not _asks_for_an_object(method, path, query):
            return answer
        bucket = path.lstrip("/").partition("/")[0]
        if _may_list(bucket):
            return answer
        said = (
            '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>'
            f"User is not authorized to perform: {_LIST} on resource: arn:aws:s3:::{bucket}, so "
            "it is not told whether the object is there</Message></Error>"
        )
        return 403, {"Content-Type": "application/xml"}, said.encode() if method == "GET" else b""

    return handle


def attach(tables: Tables) -> None:
    """Look at what S3 answers to a request for an object that is not there."""
    tables.service_handlers["s3"] = _hiding(tables.service_handlers["s3"])
