"""A signature for API Gateway names API Gateway: its service, its Region, its terminator.

MiniStack verifies a signature with whatever scope it claims, so one made for another service would
pass here and is refused on AWS.
https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

pin("ministack.app", _enforce_execute_api="callable", _execute_api_authorization_type="callable")
pin("ministack.core.iam_evaluator", AuthError=type)
pin("ministack.services.apigateway_v1", authentication_error_response="callable")

SERVICE, TERMINATOR = "execute-api", "aws4_request"
_CREDENTIAL = re.compile(r"Credential=([^,\s]*)")


def wrong_scope(credential: str, region: str) -> str | None:
    """What AWS finds wrong with a credential's scope, key/date/Region/service/terminator."""
    parts = credential.split("/")
    if len(parts) != 5:
        return None  # incomplete: refused elsewhere, in other words
    if parts[2] != region:
        return f"Credential should be scoped to a valid region, not '{parts[2]}'. "
    if parts[3] != SERVICE:
        return f"Credential should be scoped to correct service: '{SERVICE}'. "
    if parts[4] != TERMINATOR:
        return f"Credential should be scoped with a valid terminator: '{TERMINATOR}'. "
    return None


def _scoped(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(  # noqa: PLR0917 (as MiniStack calls it)
        api_id: str, stage: str, method: str, path: str,
        headers: dict[str, str], query: dict[str, list[str]], *rest: Any, **keywords: Any,
    ) -> Any:  # fmt: skip
        from ministack import app
        from ministack.core.iam_evaluator import AuthError
        from ministack.services import apigateway_v1

        denied = original(api_id, stage, method, path, headers, query, *rest, **keywords)
        scope = apigateway_v1.find_api_scope(api_id)
        named = _CREDENTIAL.search(headers.get("authorization", ""))
        credential = named[1] if named else (query.get("X-Amz-Credential") or [""])[0]
        signed = app._execute_api_authorization_type(api_id, stage, method, path) == "AWS_IAM"
        wrong = wrong_scope(credential, scope[1]) if scope and signed else None
        if denied or wrong is None:
            return denied
        error = AuthError("SignatureDoesNotMatch", wrong)
        return apigateway_v1.authentication_error_response(api_id, stage, error, headers, query)

    return enforce


def attach(_tables: Tables) -> None:
    """Look at the scope of every signed call of an API."""
    replace("ministack.app", "_enforce_execute_api", _scoped)
