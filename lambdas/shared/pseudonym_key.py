"""The pseudonyms' key in a function, derived once per container."""

from __future__ import annotations

from functools import lru_cache

import boto3

from core.pseudonyms import derived_key
from core.records import Pseudonymise, pseudonymiser


@lru_cache(maxsize=4)
def pseudonymiser_of(key_arn: str) -> Pseudonymise:
    """Derive the key and bind the pseudonym function to it.

    A failure is not remembered: the next call tries again.

    Raises:
        botocore.exceptions.ClientError: the key can't be used.
    """
    return pseudonymiser(derived_key(boto3.client("kms"), key_arn))
