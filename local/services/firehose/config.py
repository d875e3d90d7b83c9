"""What an S3 destination's properties mean, with Firehose's own defaults.

Values arrive as numbers from the API and as strings from CloudFormation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEGABYTE = 1024 * 1024
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
DEFAULT_SIZE_MB, DEFAULT_INTERVAL = 5.0, 300.0
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_ProcessorParameter.html
DEFAULT_LAMBDA_SIZE_MB, DEFAULT_LAMBDA_INTERVAL, DEFAULT_LAMBDA_RETRIES = 1.0, 60.0, 3
# A synchronous invocation carries 6 MB; Firehose buffers at most 3 MB of raw records for it.
LARGEST_LAMBDA_BATCH = 3 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Buffering:
    """A buffer is due at ``size`` bytes or ``interval`` seconds after its first record."""

    size: float
    interval: float

    def due(self, held: int, oldest: float, now: float) -> bool:
        """Whether a buffer of ``held`` bytes whose first record came at ``oldest`` is due."""
        return held >= self.size or now - oldest >= self.interval


@dataclass(frozen=True, slots=True)
class LambdaProcessor:
    """The transform function and how its invocations are batched and retried."""

    function_arn: str
    buffering: Buffering
    retries: int


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how objects are written: the destination itself, or the source backup."""

    bucket_arn: str
    role_arn: str
    prefix: str
    error_prefix: str
    buffering: Buffering
    compression: str
    conversion: dict[str, Any] | None
    partitioned: bool
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Destination:
    """One S3 destination as its properties describe it."""

    output: Output
    backup: Output | None
    processor: LambdaProcessor | None
    extracts_keys: bool

    @property
    def role_arn(self) -> str:
        """The delivery role."""
        return self.output.role_arn


def truth(value: Any) -> bool:
    """CloudFormation sends booleans as booleans or as text."""
    return value is True or str(value).lower() == "true"


def _buffering(hints: dict[str, Any] | None) -> Buffering:
    hints = hints or {}
    return Buffering(
        float(hints.get("SizeInMBs", DEFAULT_SIZE_MB)) * MEGABYTE,
        float(hints.get("IntervalInSeconds", DEFAULT_INTERVAL)),
    )


def _output(config: dict[str, Any], conversion: dict[str, Any] | None) -> Output:
    partitioning = config.get("DynamicPartitioningConfiguration") or {}
    return Output(
        bucket_arn=config["BucketARN"],
        role_arn=config.get("RoleARN", ""),
        prefix=config.get("Prefix", ""),
        error_prefix=config.get("ErrorOutputPrefix", ""),
        buffering=_buffering(config.get("BufferingHints")),
        compression=config.get("CompressionFormat", "UNCOMPRESSED"),
        conversion=conversion,
        partitioned=truth(partitioning.get("Enabled")),
        raw=config,
    )


def _parameters(processor: dict[str, Any]) -> dict[str, str]:
    return {
        entry["ParameterName"]: str(entry.get("ParameterValue", ""))
        for entry in processor.get("Parameters") or []
    }


def _lambda_processor(processors: list[dict[str, Any]]) -> LambdaProcessor | None:
    for processor in processors:
        if processor.get("Type") != "Lambda":
            continue
        values = _parameters(processor)
        size = float(values.get("BufferSizeInMBs", DEFAULT_LAMBDA_SIZE_MB)) * MEGABYTE
        interval = float(values.get("BufferIntervalInSeconds", DEFAULT_LAMBDA_INTERVAL))
        return LambdaProcessor(
            values["LambdaArn"],
            Buffering(min(size, LARGEST_LAMBDA_BATCH), interval),
            int(values.get("NumberOfRetries", DEFAULT_LAMBDA_RETRIES)),
        )
    return None


def read_destination(config: dict[str, Any]) -> Destination:
    """The typed form of an ``ExtendedS3DestinationConfiguration``."""
    conversion = config.get("DataFormatConversionConfiguration") or None
    if conversion is not None and not truth(conversion.get("Enabled", True)):
        conversion = None
    backup = None
    if config.get("S3BackupMode") == "Enabled":
        backup = _output(config["S3BackupConfiguration"], None)
    processing = config.get("ProcessingConfiguration") or {}
    processors = processing.get("Processors") or [] if truth(processing.get("Enabled")) else []
    return Destination(
        output=_output(config, conversion),
        backup=backup,
        processor=_lambda_processor(processors),
        extracts_keys=any(entry.get("Type") == "MetadataExtraction" for entry in processors),
    )
