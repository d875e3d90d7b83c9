"""What Firehose refuses of an S3 destination, and of a batch, before it takes a record.

https://docs.aws.amazon.com/firehose/latest/dev/limits.html
https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.firehose.config import DEFAULT_INTERVAL, DEFAULT_SIZE_MB, truth
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.firehose"
_TYPE = "AWS::KinesisFirehose::DeliveryStream"
_DESTINATION = "ExtendedS3DestinationConfiguration"
pin(_MODULE, _create_delivery_stream="callable")

LARGEST_BATCH = 4 * 1024 * 1024
# Of dynamic partitioning and of conversion.
LEAST_MEGABYTES = 64
SIZES, INTERVALS = (1, 128), (0, 900)
# Of the transform function: parameter → least and most.
PROCESSOR = {
    "BufferSizeInMBs": (0.2, 3.0),
    "BufferIntervalInSeconds": (0.0, 900.0),
    "NumberOfRetries": (0.0, 300.0),
}
ERROR_TYPE = "!{firehose:error-output-type}"
Properties = Mapping[str, Any]


def problems(destination: Properties) -> Iterator[str]:
    """Every reason to refuse an ``ExtendedS3DestinationConfiguration``."""
    size, interval = _hints(destination)
    yield from _outside("BufferingHints.SizeInMBs", size, SIZES)
    yield from _outside("BufferingHints.IntervalInSeconds", interval, INTERVALS)
    if _on(destination, "DynamicPartitioningConfiguration"):
        yield from _partitioning(destination, size, interval)
    if _on(destination, "DataFormatConversionConfiguration", default=True):
        yield from _conversion(destination, size)
    yield from _prefixes(destination)
    yield from _processors(destination)


def _hints(destination: Properties) -> tuple[float, float]:
    hints = destination.get("BufferingHints") or {}
    size = hints.get("SizeInMBs", DEFAULT_SIZE_MB)
    return float(size), float(hints.get("IntervalInSeconds", DEFAULT_INTERVAL))


def _on(destination: Properties, member: str, *, default: bool = False) -> bool:
    setting: Properties = destination.get(member) or {}
    return bool(setting) and truth(setting.get("Enabled", default))


def _outside(field: str, value: float, bounds: tuple[float, float]) -> Iterator[str]:
    least, most = bounds
    if not least <= value <= most:
        yield f"{field} is {value:g}; allowed: {least:g} to {most:g}"


def _partitioning(destination: Properties, size: float, interval: float) -> Iterator[str]:
    if size < LEAST_MEGABYTES:
        yield _too_small("dynamic partitioning", size)
    if interval == 0:
        yield "BufferingHints.IntervalInSeconds is 0; allowed with dynamic partitioning: 1 to 900"
    if "!{partitionKeyFrom" not in destination.get("Prefix", ""):
        yield (
            f"Prefix is {destination.get('Prefix', '')!r}; allowed with dynamic partitioning: one "
            "with !{partitionKeyFromLambda:…} or !{partitionKeyFromQuery:…}"
        )
    if not destination.get("ErrorOutputPrefix"):
        yield "ErrorOutputPrefix is not set; it is required with dynamic partitioning"


def _conversion(destination: Properties, size: float) -> Iterator[str]:
    if size < LEAST_MEGABYTES:
        yield _too_small("record format conversion", size)
    compression = destination.get("CompressionFormat", "UNCOMPRESSED")
    if compression != "UNCOMPRESSED":
        yield (
            f"CompressionFormat is {compression}; allowed with record format conversion: "
            "UNCOMPRESSED"
        )


def _too_small(what: str, size: float) -> str:
    return f"BufferingHints.SizeInMBs is {size:g}; allowed with {what}: {LEAST_MEGABYTES} to 128"


def _prefixes(destination: Properties) -> Iterator[str]:
    prefix, errors = destination.get("Prefix", ""), destination.get("ErrorOutputPrefix", "")
    if ERROR_TYPE in prefix:
        yield f"Prefix has {ERROR_TYPE}; allowed in ErrorOutputPrefix only"
    if "!{" in prefix and ERROR_TYPE not in errors:
        yield (
            f"ErrorOutputPrefix is {errors!r}; allowed beside a Prefix with an expression: one "
            f"with {ERROR_TYPE}"
        )
    if "!{partitionKeyFrom" in errors:
        yield "ErrorOutputPrefix has a partition key; allowed in Prefix only"


def _processors(destination: Properties) -> Iterator[str]:
    setting = destination.get("ProcessingConfiguration") or {}
    for processor in setting.get("Processors") or []:
        for parameter in processor.get("Parameters") or []:
            name = parameter["ParameterName"]
            if name in PROCESSOR:
                yield from _outside(name, float(parameter["ParameterValue"]), PROCESSOR[name])


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        from ministack.services import firehose

        found = list(problems(data.get(_DESTINATION) or {})) if data.get(_DESTINATION) else []
        return firehose._invalid("; ".join(found)) if found else original(data)

    return create


def _checked_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        before, after = (props.get(_DESTINATION) or {} for props in (old, new))
        found = list(problems(after)) if after else []
        member = "DynamicPartitioningConfiguration"
        if before and _on(before, member) is not _on(after, member):
            found.append(f"{member}.Enabled changed; allowed: only when a stream is created")
        if found:
            raise ValueError(f"{_TYPE}: {'; '.join(found)}")
        return original(physical_id, old, new, *rest)

    return update


def attach(tables: Tables) -> None:
    """Check destinations when a stream is made or changed."""
    replace(_MODULE, "_create_delivery_stream", _checked)
    from ministack.services import firehose

    firehose._HANDLERS["CreateDeliveryStream"] = firehose._create_delivery_stream
    entry = tables.resource_handlers[_TYPE]
    entry["update"] = _checked_update(entry["update"])
