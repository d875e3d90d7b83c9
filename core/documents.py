"""JSON documents in S3: statistics and evaluations that jobs leave for the functions."""

from __future__ import annotations

import json
from typing import Any


def read_json(client: Any, bucket: str, key: str) -> dict[str, Any]:
    """Read one document.

    Args:
        client: a boto3 S3 client.
        bucket: bucket name.
        key: object key.

    Raises:
        botocore.exceptions.ClientError: no such object, or no access.
        ValueError: not a JSON object; the message names the location.
    """
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        content = json.loads(body)
    except ValueError as error:
        raise ValueError(f"s3://{bucket}/{key} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"s3://{bucket}/{key} is not a JSON object")
    return content
