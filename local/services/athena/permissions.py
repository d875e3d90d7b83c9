"""What a query reads and writes is decided by the rights of who asked for it.

Athena asks the catalog for a table, and S3 for its objects and the place of the results, with the
caller's credentials, from its own network.

https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena-calledvia.html
"""

from __future__ import annotations

import contextvars
import io
from collections.abc import Iterable
from typing import Any

from local.emulator import callers
from local.emulator.private_tables import pin
from local.services.glue import catalog
from local.services.kms import key_policies

SERVICE = "athena.amazonaws.com"
_CONTEXT = {"aws:calledvia": [SERVICE], "aws:calledviafirst": SERVICE, "aws:calledvialast": SERVICE}
pin("ministack.services.s3", _get_object_data="callable")


def assert_table(action: str, database: str, table: str) -> None:
    """Raise ``PermissionError``, worded as Athena does, unless the caller may act on a table."""
    principal = callers.held_to_policies()
    if principal is None:
        return
    from ministack.core.responses import get_account_id, get_region

    request = {"DatabaseName": database, "Name": table}
    for arn in catalog.arns(action, request, get_region(), get_account_id()):
        found = callers.decide(principal, f"glue:{action}", arn, _CONTEXT, from_service=True)
        if found.decision != "Allow":
            raise PermissionError(
                f"Insufficient permissions to execute the query. User: {principal.arn} is not "
                f"authorized to perform: glue:{action} on resource: {arn}"
            )


def assert_readable(objects: Iterable[tuple[str, str]]) -> None:
    """Raise ``PermissionError`` unless the caller may read these objects: bucket and key."""
    from ministack.core.responses import get_region

    for bucket, key in objects:
        refused = key_policies.refused_object(bucket, key, get_region(), _CONTEXT)
        if refused:
            raise PermissionError(f"Permission denied on S3 path: s3://{bucket}/{key}. {refused}")


def assert_writable(bucket: str, key: str) -> None:
    """Raise ``PermissionError`` unless the caller may write a query's results."""
    from ministack.core.responses import get_region

    principal, arn = callers.held_to_policies(), f"arn:aws:s3:::{bucket}/{key}"
    if principal is None:
        return
    action: str | None = "s3:PutObject"
    found = callers.decide(principal, str(action), arn, _CONTEXT, from_service=True)
    if found.decision == "Allow":
        action = key_policies.refused_writing(arn, get_region())
    if action:
        raise PermissionError(
            f"Access denied when writing output to url: s3://{bucket}/{key}. {principal.arn} is "
            f"not authorized to perform: {action}"
        )


class Objects:
    """S3 as a client of boto3 gives it, read within the emulator as the caller of the query."""

    def __init__(self) -> None:
        # Readers work on threads of their own, which do not know whom they serve.
        self._context = contextvars.copy_context()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 (as boto3)
        """Content of an object that the caller may read."""
        return {"Body": io.BytesIO(self._read(Bucket, Key))}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 (as boto3)
        """Its size."""
        return {"ContentLength": len(self._read(Bucket, Key))}

    def _read(self, bucket: str, key: str) -> bytes:
        def read() -> bytes | None:
            from ministack.services import s3

            assert_readable([(bucket, key)])
            found: bytes | None = s3._get_object_data(bucket, key)
            return found

        content = self._context.copy().run(read)
        if content is None:
            raise FileNotFoundError(f"s3://{bucket}/{key}")
        return content
