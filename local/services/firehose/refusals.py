"""Delivery streams to S3: what goes together and what does not."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses, refuses_change

STREAM = "AWS::KinesisFirehose::DeliveryStream"
SMALLEST_FILE_MB = 64


def s3_of(properties: Properties) -> dict[str, Any]:
    found: dict[str, Any] = properties.get("ExtendedS3DestinationConfiguration") or {}
    return found


def _enabled(section: Any) -> bool:
    return bool(section) and truth(section.get("Enabled", True))


def _converts(properties: Properties) -> bool:
    return _enabled(s3_of(properties).get("DataFormatConversionConfiguration"))


def partitions(properties: Properties) -> bool:
    section = s3_of(properties).get("DynamicPartitioningConfiguration") or {}
    return truth(section.get("Enabled"))


def processors_of(properties: Properties) -> list[dict[str, Any]]:
    section = s3_of(properties).get("ProcessingConfiguration") or {}
    found: list[dict[str, Any]] = section.get("Processors") or []
    return found if truth(section.get("Enabled")) else []


def _parameters(processor: dict[str, Any]) -> dict[str, str]:
    given = processor.get("Parameters") or []
    return {entry["ParameterName"]: str(entry["ParameterValue"]) for entry in given}


@refuses("firehose-large-files", STREAM)
def _size(properties: Properties) -> str | None:
    size = float((s3_of(properties).get("BufferingHints") or {}).get("SizeInMBs", 5))
    if size >= SMALLEST_FILE_MB:
        return None
    if _converts(properties):
        return f"BufferingHints.SizeInMBs must be at least 64 with format conversion, not {size:g}"
    if partitions(properties):
        return f"BufferingHints.SizeInMBs must be at least 64 with partitioning, not {size:g}"
    return None


@refuses("firehose-zero-buffering", STREAM)
def _interval(properties: Properties) -> str | None:
    hints = s3_of(properties).get("BufferingHints") or {}
    if not partitions(properties) or float(hints.get("IntervalInSeconds", 300)) > 0:
        return None
    return "BufferingHints.IntervalInSeconds is 0; allowed with partitioning: 1 to 900"


@refuses("firehose-conversion-uncompressed", STREAM)
def _compression(properties: Properties) -> str | None:
    given = s3_of(properties).get("CompressionFormat", "UNCOMPRESSED")
    if not _converts(properties) or given == "UNCOMPRESSED":
        return None
    return f"CompressionFormat {given}: allowed with format conversion: UNCOMPRESSED"


@refuses("firehose-conversion-parts", STREAM)
def _conversion(properties: Properties) -> str | None:
    section = s3_of(properties).get("DataFormatConversionConfiguration") or {}
    parts = ("SchemaConfiguration", "InputFormatConfiguration", "OutputFormatConfiguration")
    missing = [name for name in parts if not section.get(name)]
    if not _converts(properties) or not (missing or _schema_lacks(section)):
        return None
    return f"Format conversion needs {missing or _schema_lacks(section)}"


def _schema_lacks(section: dict[str, Any]) -> list[str]:
    schema = section.get("SchemaConfiguration") or {}
    return [name for name in ("RoleARN", "DatabaseName", "TableName") if not schema.get(name)]


@refuses("firehose-buffering-both", STREAM)
def _hints(properties: Properties) -> str | None:
    hints = s3_of(properties).get("BufferingHints") or {}
    if len(hints) != 1:
        return None
    return f"BufferingHints takes SizeInMBs and IntervalInSeconds, not {next(iter(hints))} alone"


@refuses("firehose-backup-needs-place", STREAM)
def _backup(properties: Properties) -> str | None:
    destination = s3_of(properties)
    if destination.get("S3BackupMode") != "Enabled" or destination.get("S3BackupConfiguration"):
        return None
    return "S3BackupConfiguration is required with S3BackupMode Enabled"


@refuses("firehose-processor-parameters", STREAM)
def _lambda(properties: Properties) -> str | None:
    bounds = {"NumberOfRetries": (0, 300), "BufferSizeInMBs": (0.2, 3),
              "BufferIntervalInSeconds": (0, 900)}  # fmt: skip
    for processor in processors_of(properties):
        given = _parameters(processor)
        if processor.get("Type") == "Lambda" and "LambdaArn" not in given:
            return "A processor of type Lambda needs the parameter LambdaArn"
        for name, (low, high) in bounds.items():
            if name in given and not low <= float(given[name]) <= high:
                return f"{name} {given[name]}: allowed: {low} to {high}"
    return None


@refuses("firehose-extraction-needs-query", STREAM)
def _extraction(properties: Properties) -> str | None:
    for processor in processors_of(properties):
        missing = {"MetadataExtractionQuery", "JsonParsingEngine"} - set(_parameters(processor))
        if processor.get("Type") == "MetadataExtraction" and missing:
            return f"A processor of type MetadataExtraction needs {sorted(missing)}"
    return None


@refuses("firehose-encryption-of-direct-put", STREAM)
def _source(properties: Properties) -> str | None:
    given = properties.get("DeliveryStreamEncryptionConfigurationInput")
    kind = properties.get("DeliveryStreamType", "DirectPut")
    if given is None or kind == "DirectPut":
        return None
    return f"Server-side encryption of the stream is for DirectPut alone, not {kind}"


@refuses("firehose-encryption-needs-key", STREAM)
def _key(properties: Properties) -> str | None:
    given = properties.get("DeliveryStreamEncryptionConfigurationInput") or {}
    own, key = given.get("KeyType") == "CUSTOMER_MANAGED_CMK", str(given.get("KeyARN", ""))
    if own and not re.fullmatch(r"arn:[^:]*:kms:[a-z0-9-]+:\d{12}:key/.+", key):
        return f"KeyARN {key!r}: allowed with CUSTOMER_MANAGED_CMK: the ARN of a key, not an alias"
    if not own and key:
        return "KeyARN must not be specified with AWS_OWNED_CMK"
    return None


@refuses("firehose-stream-name", STREAM)
def _name(properties: Properties) -> str | None:
    name = properties.get("DeliveryStreamName")
    if name is None or re.fullmatch(r"[a-zA-Z0-9._-]{1,64}", str(name)):
        return None
    return f"DeliveryStreamName {name}: allowed: 1 to 64 letters, digits, '.', '_' and '-'"


@refuses_change("firehose-partitioning-is-for-new-streams", STREAM)
def _partitioning(old: Properties, new: Properties) -> str | None:
    before, after = partitions(old), partitions(new)
    if before == after:
        return None
    verb = "enabled on" if after else "disabled on"
    return f"Dynamic partitioning cannot be {verb} an existing delivery stream; make a new one"


@refuses_change("firehose-backup-stays", STREAM)
def _backup_stays(old: Properties, new: Properties) -> str | None:
    before, after = (s3_of(state).get("S3BackupMode", "Disabled") for state in (old, new))
    if before != "Enabled" or after == "Enabled":
        return None
    return "S3BackupMode: once enabled, the backup of a stream cannot be disabled"
