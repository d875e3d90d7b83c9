"""API Gateway's proxy events and answers, and the errors that the API answers with."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.texts import document

# WAF inspects 64 KB of a body and refuses larger ones; the settings allow no more either.
BODY_BYTES = 64 * 1024
RETRY_AFTER_SECONDS = 30
JSON = "application/json"
# Other charsets are read as UTF-8 here, but perhaps not by what inspected the body before.
UTF_8 = frozenset({"charset=utf-8", 'charset="utf-8"', "charset=us-ascii"})
SECURITY_HEADERS = {
    "Content-Type": JSON,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


class ApiError(Exception):
    """An answer other than 200: status, stable code, field if there is one, message."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error_body(code, field, message)}
        self.headers = dict(headers or {})


def error_body(code: str, field: str | None, message: str) -> dict[str, Any]:
    """The object that describes an error, of a request or of one record in a batch."""
    return {"code": code, "field": field, "message": message}


def unavailable(message: str) -> ApiError:
    """503: the same request may succeed later."""
    return ApiError(503, "unavailable", message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


@dataclass(frozen=True, slots=True)
class Request:
    """A proxy event, reduced to what the router reads. Names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    request_id: str
    raw_body: str
    base64_body: bool

    def json_body(self) -> bytes:
        """The body's bytes.

        Raises:
            ApiError: 415 unless it is declared as JSON in UTF-8 and as it is, 413 above 64 KB, 400
                if it is not base64.
        """
        self._require_plain_json()
        body = self._decoded() if self.base64_body else self._encoded()
        if len(body) > BODY_BYTES:
            raise ApiError(
                413, "too_large", f"body has {len(body)} bytes; at most {BODY_BYTES} are allowed"
            )
        return body

    def _decoded(self) -> bytes:
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except ValueError:
            # Also of text beyond ASCII, of which the error is no binascii.Error.
            said = "body is not base64, which isBase64Encoded says it is"
            raise ApiError(400, "not_json", said) from None

    def _encoded(self) -> bytes:
        """A lone surrogate can't be encoded; replaced, it fails as JSON or as a value."""
        return self.raw_body.encode("utf-8", "replace")

    def _require_plain_json(self) -> None:
        """Refuse a declaration under which WAF or the gateway could read other bytes than we do."""
        media_type, *parameters = self.headers.get("content-type", "").lower().split(";")
        charsets = [one.strip() for one in parameters if one.strip().startswith("charset")]
        if media_type.strip() != JSON or not UTF_8.issuperset(charsets):
            raise ApiError(
                415, "unsupported_media_type", f"Content-Type must be {JSON}, its charset utf-8"
            )
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise ApiError(
                415, "unsupported_media_type", "body must be sent without Content-Encoding"
            )


def request_of(event: Mapping[str, Any]) -> Request:
    """Read a proxy event; nothing in it is trusted to be there."""
    context = event.get("requestContext") or {}
    headers = event.get("headers") or {}
    # The matched resource, as a custom domain puts its base path before `path`.
    resource = event.get("resource") or "{proxy+}"
    path = event.get("path", "") if "{" in resource else resource
    body = event.get("body")
    return Request(
        method=str(event.get("httpMethod", "")).upper(),
        # The first part is the model's name: each has a router of its own.
        path="/" + str(path).strip("/").partition("/")[2],
        headers={str(name).lower(): str(value) for name, value in headers.items()},
        request_id=str(context.get("requestId") or ""),
        raw_body=body if isinstance(body, str) else "",
        base64_body=bool(event.get("isBase64Encoded")),
    )


def answer(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A proxy answer."""
    return {
        "statusCode": status,
        "headers": {**SECURITY_HEADERS, **(headers or {})},
        "body": document(body),
        "isBase64Encoded": False,
    }
