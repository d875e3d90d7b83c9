"""From released records to S3 objects: partitions, conversion, errors, permissions.

Every object is written with the delivery role's permissions: ``s3:PutObject`` on the object
(bucket policy included), ``kms:GenerateDataKey`` on the bucket's key, ``glue:GetTable*`` for the
schema. Error texts are MiniStack's own functions.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from local.emulator import service_roles
from local.emulator.private_tables import pin
from local.services.firehose import convert
from local.services.firehose.config import Destination, Output
from local.services.firehose.prefixes import Partition, partition_of
from local.services.firehose.transform import SERVICE, Failure, Record, Transformed
from local.services.kms import key_policies

pin(
    "ministack.services.firehose",
    _json_documents="callable",
    _s3_bucket_from_arn="callable",
    _conversion_error="callable",
    _DeliveryError=type,
    _streams="scoped",
)
pin("ministack.services.glue", _tables="scoped")

CONVERSION_FAILED = "format-conversion-failed"
# Of records that the stream has no partition for, and of those whose partition is not found.
# https://docs.aws.amazon.com/firehose/latest/dev/buffering.html
PARTITION_EXCEEDED = "activePartitionExceeded"
EXTRACTION_FAILED = "metadata-extraction-failed"
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html: active partitions of one stream
LARGEST_PARTITIONS = 500


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """What objects and error documents say about the stream they came from."""

    name: str
    arn: str
    version: int
    account: str
    region: str


def partition(
    destination: Destination, released: Iterable[Transformed]
) -> tuple[dict[Partition, list[Transformed]], list[Failure]]:
    """Records by their partition; those whose keys cannot be evaluated fail."""
    from ministack.services import firehose

    groups: dict[Partition, list[Transformed]] = defaultdict(list)
    failures = []
    for item in released:
        try:
            groups[partition_of(destination, item)].append(item)
        except firehose._DeliveryError as error:
            code = error.code or "DynamicPartitioning.MetadataExtractionFailed"
            failures.append(_failure(item, EXTRACTION_FAILED, code, error.message))
    return groups, failures


def convert_rows(
    output: Output, items: Sequence[Transformed]
) -> tuple[bytes | None, list[Failure]]:
    """One Parquet object of the records that fit the table's schema, and those that do not."""
    from ministack.services import firehose

    try:
        columns = _columns(output)
    except service_roles.AccessDeniedError as error:
        code = "DataFormatConversion.AccessDenied"
        return None, [_failure(i, CONVERSION_FAILED, code, str(error)) for i in items]
    except firehose._DeliveryError as error:
        return None, [_conversion_failure(item, error) for item in items]
    rows: list[list[Any]] = []
    owners: list[Record] = []
    failures = []
    for item in items:
        try:
            documents = firehose._json_documents(item.data)
            found = [convert.row_of(document, columns) for document in documents]
        except firehose._DeliveryError as error:
            failures.append(_conversion_failure(item, error))
        except convert.SchemaMismatchError:
            mismatch = firehose._conversion_error("mismatch")
            failures.append(_conversion_failure(item, mismatch))
        else:
            rows += found
            owners += [item.record] * len(found)
    fits = convert.fitting_rows(rows, columns) if rows else []
    misfits = {record.id for record, fit in zip(owners, fits, strict=True) if not fit}
    mismatch = firehose._conversion_error("mismatch")
    failures += [_conversion_failure(i, mismatch) for i in items if i.record.id in misfits]
    kept = [row for row, owner in zip(rows, owners, strict=True) if owner.id not in misfits]
    if not kept:
        return None, failures
    serializer = output.raw["DataFormatConversionConfiguration"]["OutputFormatConfiguration"]
    parquet = serializer["Serializer"]["ParquetSerDe"] or {}
    return convert.to_parquet(kept, columns, parquet.get("Compression", "SNAPPY")), failures


def _failure(item: Transformed, output_type: str, code: str, message: str) -> Failure:
    """A record that failed after the transform, which is kept as the function returned it."""
    return Failure(item.record, output_type, code, message, transformed=item.data)


def _conversion_failure(item: Transformed, error: Any) -> Failure:
    return _failure(item, CONVERSION_FAILED, error.code, error.message)


def no_room(item: Transformed) -> Failure:
    """A record for which the stream would need one active partition too many."""
    code = "DynamicPartitioning.ActivePartitionLimitExceeded"
    message = f"More than {LARGEST_PARTITIONS} partitions are active"
    return _failure(item, PARTITION_EXCEEDED, code, message)


def _columns(output: Output) -> list[convert.Column]:
    """The Glue table's columns, read as the role the schema configuration names."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import firehose, glue

    conversion = output.conversion or {}
    serializer = (conversion.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    if "ParquetSerDe" not in serializer:
        raise firehose._conversion_error("unsupported")
    schema = conversion.get("SchemaConfiguration") or {}
    database, table_name = schema.get("DatabaseName", ""), schema.get("TableName", "")
    base = f"arn:aws:glue:{get_region()}:{get_account_id()}"
    role = schema.get("RoleARN") or output.role_arn
    for resource in (
        f"{base}:catalog",
        f"{base}:database/{database}",
        f"{base}:table/{database}/{table_name}",
    ):
        service_roles.assert_allowed(role, "glue:GetTableVersions", resource, service=SERVICE)
    table = glue._tables.get(f"{database}/{table_name}") or {}
    described = (table.get("StorageDescriptor") or {}).get("Columns") or []
    if not described:
        raise firehose._conversion_error("table")
    deserializer = (conversion.get("InputFormatConfiguration") or {}).get("Deserializer") or {}
    mappings = (deserializer.get("OpenXJsonSerDe") or {}).get("ColumnToJsonKeyMappings") or {}
    return convert.columns_of(described, mappings)


def put_object(output: Output, key: str, body: bytes, region: str) -> None:
    """Write one object as the delivery role; raises when the role or the bucket refuses."""
    from ministack import app
    from ministack.services import firehose, s3

    bucket = firehose._s3_bucket_from_arn(output.bucket_arn)
    target = f"arn:aws:s3:::{bucket}/{key}"
    service_roles.assert_allowed(output.role_arn, "s3:PutObject", target, service=SERVICE)
    key_policies.assert_service_role_may_use_key(
        output.role_arn, "s3:PutObject", target, region, service=SERVICE
    )
    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(len(body)),
        "host": "s3.localhost",
    }

    async def put(*_: Any) -> tuple[int, dict[str, str], bytes]:
        answer: tuple[int, dict[str, str], bytes] = await s3.handle_request(
            "PUT", f"/{bucket}/{key}", headers, body, {}, internal=True
        )
        return answer

    status, _, answer = app.call_service_handler_sync(put, "PUT", "", {}, b"", {}, 30)
    if status >= 300:
        raise OSError(f"PUT s3://{bucket}/{key}: {status} {answer[:200]!r}")


def plain_object(output: Output, parts: Iterable[bytes]) -> tuple[bytes, str]:
    """Records concatenated as they are (Firehose adds no delimiter), compressed as configured."""
    body = b"".join(parts)
    if output.compression == "GZIP":
        return gzip.compress(body, mtime=0), ".gz"
    return body, ""


def error_document(failure: Failure, output: Output, identity: StreamIdentity) -> bytes:
    """One line of Firehose's error envelope, which for a failed conversion is another one.

    https://github.com/floci-io/floci/pull/3393 has one that AWS wrote, and
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
    the members of the other.
    """
    raw = base64.b64encode(failure.data).decode()
    arrived, now = int(failure.record.arrived * 1000), int(time.time() * 1000)
    if failure.output_type == CONVERSION_FAILED:
        document = {
            "attemptsMade": failure.attempts,
            "arrivalTimestamp": arrived,
            "lastErrorCode": failure.code,
            "lastErrorMessage": failure.message,
            "attemptEndingTimestamp": now,
            "rawData": raw,
            "sequenceNumber": failure.record.id,
            "subSequenceNumber": None,
            "dataCatalogTable": _catalog_table(output, identity),
        }
        return json.dumps(document).encode() + b"\n"
    document = {
        "rawData": raw,
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptsMade": failure.attempts,
        "arrivalTimestamp": arrived,
        "attemptEndingTimestamp": now,
    }
    if failure.function_arn:
        document["lambdaARN"] = failure.function_arn
    return json.dumps(document).encode() + b"\n"


def _catalog_table(output: Output, identity: StreamIdentity) -> dict[str, Any]:
    schema = (output.conversion or {}).get("SchemaConfiguration") or {}
    return {
        "catalogId": schema.get("CatalogId") or identity.account,
        "databaseName": schema.get("DatabaseName"),
        "tableName": schema.get("TableName"),
        "region": schema.get("Region") or identity.region,
        "versionId": schema.get("VersionId", "LATEST"),
    }
