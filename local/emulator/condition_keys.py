"""Condition keys that AWS sends and MiniStack does not.

They are ``aws:PrincipalArn``, the account of a caller of KMS, the namespace of metrics, and the key
that an upload to S3 names.

``aws:PrincipalArn`` of a role's session is the role's own ARN, with its path. Key and bucket
policies of this project match roles by that path; MiniStack compares with the ARN of the session,
which has none, so no such condition would ever hold.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.core.iam_evaluator"
_ACTIONS = "ministack.core.iam_actions"
_KEY = "aws:principalarn"
_CALLER = "kms:calleraccount"
_UPLOAD_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
# Not a key of AWS's and in no policy: tells who asks the object's key that a part is concerned.
OF_PARTS = "millrace:ofparts"
GZIP_MAGIC = b"\x1f\x8b"
pin(_ACTIONS, request_tag_context="callable", s3_service_context="callable")
pin(_MODULE, _resolve_condition_key="callable", _role_name_from_assumed_arn="callable")


def _role_arn(context: Any) -> str | None:
    from ministack.core import iam_evaluator
    from ministack.services import iam

    name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
    role = iam._roles.get_scoped(context.principal_account, None, name)
    return role["Arn"] if role else None


def _with_role_arn(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        # Said to be absent: MiniStack would fill in what every request has.
        if context.service_context.get(key.lower(), "") is None:
            return None
        if key.lower() == _KEY and context.principal_type == "AssumedRole":
            return _role_arn(context) or original(key, context)
        if key.lower() == _CALLER and context.action.startswith("kms:"):
            return original(key, context) or context.principal_account
        return original(key, context)

    return resolve


def _namespace(body: bytes) -> str | None:
    """The namespace of a ``PutMetricData`` request; the SDKs compress long ones.

    Newer SDKs send JSON, those of SageMaker's image a form.
    """
    try:
        text = (gzip.decompress(body) if body.startswith(GZIP_MAGIC) else body).decode()
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return next(iter(parse_qs(text).get("Namespace", [])), None)
    return content.get("Namespace") if isinstance(content, dict) else None


def _with_namespace(original: Callable[..., Any]) -> Callable[..., Any]:
    def context(service: str, action: str, body: bytes, params: dict[str, Any]) -> Any:
        found = dict(original(service, action, body, params))
        if action == "cloudwatch:PutMetricData":
            found["cloudwatch:namespace"] = _namespace(body)
        return found

    return context


def _with_upload_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def context(
        action: str, query: Any, path: str = "", headers: dict[str, str] | None = None
    ) -> Any:
        found = dict(original(action, query, path, headers))
        named = (headers or {}).get(_UPLOAD_KEY)
        if action == "s3:PutObject" and named:
            found[f"s3:{_UPLOAD_KEY}"] = named
        if action == "s3:PutObject" and "uploadId" in (query or {}):
            found[OF_PARTS] = "true"
        return found

    return context


def attach(_tables: Tables) -> None:
    """Resolve the principal to its role; send the namespace of metrics and the upload's key."""
    replace(_ACTIONS, "s3_service_context", _with_upload_key)
    replace(_MODULE, "_resolve_condition_key", _with_role_arn)
    replace(_ACTIONS, "request_tag_context", _with_namespace)
