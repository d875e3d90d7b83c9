"""The pseudonym key, fetched once per container.

The transform, the router and the curate job must derive the same key from the same secret, so what
the secret's text means is decided here: its UTF-8 bytes are the key.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3

from lambdas.shared.records import Pseudonymise, pseudonymiser


def key_bytes(response: dict[str, Any]) -> bytes:
    """The key in an answer of ``secretsmanager:GetSecretValue``."""
    return str(response["SecretString"]).encode("utf-8")


@lru_cache(maxsize=4)
def pseudonymiser_of(secret_arn: str) -> Pseudonymise:
    """Fetch the key and bind the pseudonym function to it.

    A failure is not remembered: the next call tries again.

    Raises:
        botocore.exceptions.ClientError: the secret can't be read.
    """
    client = boto3.client("secretsmanager")
    return pseudonymiser(key_bytes(client.get_secret_value(SecretId=secret_arn)))
