"""Firehose transformation handler.

AWS calls: ``kms:GenerateMac`` on the key of the pseudonyms, once per container.
One log line for each batch, with counts by code and field; never a record or its id.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from core import contract
from core.records import RecordValidator, compiled
from lambdas.shared.pseudonym_key import pseudonymiser_of
from lambdas.transform.environment import TransformEnvironment
from lambdas.transform.logic import transform

logger = Logger(service=TransformEnvironment.FUNCTION)


class _Stream(NamedTuple):
    validator: RecordValidator
    key_arn: str


@lru_cache(maxsize=1)
def _stream() -> _Stream:
    environment = TransformEnvironment.read()
    record = contract.record_of(contract.load(), environment.stream)
    return _Stream(compiled(record), environment.pseudonym_key_arn)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Transform one batch.

    Raises:
        botocore.exceptions.ClientError: the key can't be used. Firehose then tries the batch again
            and finally delivers it as failed: a record never passes without its pseudonym.
    """
    stream = _stream()
    batch = transform(event["records"], stream.validator, pseudonymiser_of(stream.key_arn))
    logger.info(
        "batch transformed",
        extra={
            "records": len(batch.results),
            "refused": {
                f"{code} {field}".strip(): count
                for (code, field), count in batch.refused.items()
                if code != "unknown_field"
            },
            "unknown_fields": sum(
                count for (code, _), count in batch.refused.items() if code == "unknown_field"
            ),
        },
    )
    return {"records": batch.results}
