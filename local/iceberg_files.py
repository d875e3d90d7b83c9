"""Files of a table of Iceberg, read through a boto3 client: its end point, trust and signature."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile

_ABSENT = ("404", "NoSuchKey", "NotFound")
_REFUSED = ("403", "AccessDenied")


class S3Files(FileIO):
    """Objects of S3 by their whole content; nothing is written."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def new_input(self, location: str) -> InputFile:
        """An object by its ``s3://`` URI."""
        return _Object(self._client, location)

    def new_output(self, location: str) -> OutputFile:
        """Refused: who reads a table changes nothing."""
        raise PermissionError(f"{location} is only read here")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refused, likewise."""
        raise PermissionError(f"{location} is only read here")


class _Object(InputFile):
    def __init__(self, client: Any, location: str) -> None:
        super().__init__(location)
        self._client = client
        bucket, _, key = location.removeprefix("s3://").partition("/")
        self._place = {"Bucket": bucket, "Key": key}

    def __len__(self) -> int:
        return int(self._asked(self._client.head_object)["ContentLength"])

    def exists(self) -> bool:
        """Whether there is one."""
        try:
            len(self)
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002 (pyiceberg gives it)
        """Its content, in memory."""
        return io.BytesIO(self._asked(self._client.get_object)["Body"].read())

    def _asked(self, call: Callable[..., Any]) -> Any:
        try:
            return call(**self._place)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                raise FileNotFoundError(f"{self.location}: {error}") from error
            if code in _REFUSED:
                raise PermissionError(f"{self.location}: {error}") from error
            raise
