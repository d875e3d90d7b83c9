"""What an object's key begins with: prefix expressions, and the moment that they are evaluated at.

``!{timestamp:…}`` is the arrival of the oldest record in the object and not the time of writing: an
object that is written late, after retries, still lies where its records arrived. The expressions
themselves are MiniStack's own function.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

import datetime
import re
import time
import uuid
from collections.abc import Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from local.emulator.private_tables import pin
from local.services.firehose.config import Destination, Output
from local.services.firehose.transform import Transformed

pin(
    "ministack.services.firehose",
    _evaluate_prefix="callable",
    _metadata_extraction_keys="callable",
    _java_time="callable",
)

_BY_HOUR = "yyyy/MM/dd/HH/"
Pairs = tuple[tuple[str, str], ...]


class Partition(NamedTuple):
    """Values of the partition keys in the prefix; none without dynamic partitioning."""

    from_query: Pairs = ()
    from_lambda: Pairs = ()


def partition_of(destination: Destination, item: Transformed) -> Partition:
    """The partition that a record belongs to.

    Raises:
        ministack.services.firehose._DeliveryError: a key of the prefix has no value.
    """
    from ministack.services import firehose

    output = destination.output
    if not output.partitioned:
        return Partition()
    query = None
    if destination.extracts_keys:
        query = firehose._metadata_extraction_keys(output.raw, item.data)
    firehose._evaluate_prefix(output.prefix, _moment(output, item.record.arrived), query, item.keys)
    return Partition(
        _used(output.prefix, "partitionKeyFromQuery", query),
        _used(output.prefix, "partitionKeyFromLambda", item.keys),
    )


def _used(prefix: str, namespace: str, keys: Mapping[str, str] | None) -> Pairs:
    names = re.findall(rf"!\{{{namespace}:([^}}]*)\}}", prefix)
    return tuple((name, keys[name]) for name in names) if keys else ()


def data_prefix(output: Output, arrived: float, partition: Partition | None = None) -> str:
    """The prefix of an object whose oldest record came at ``arrived``, in epoch seconds."""
    from ministack.services import firehose

    found = partition or Partition()
    moment, queried = _moment(output, arrived), dict(found.from_query)
    answered = dict(found.from_lambda)
    return str(firehose._evaluate_prefix(output.prefix, moment, queried, answered))


def error_prefix(output: Output, output_type: str, arrived: float) -> str:
    """The evaluated error prefix for one kind of failure."""
    from ministack.services import firehose

    moment = _moment(output, arrived)
    if output.error_prefix:
        return str(firehose._evaluate_prefix(output.error_prefix, moment, error_type=output_type))
    return f"{output.prefix}{output_type}/{firehose._java_time(_BY_HOUR, moment)}"


def object_name(output: Output, stream: str, version: int, arrived: float, extension: str) -> str:
    """``<stream>-<version>-<time>-<uuid><extension>``, as Firehose names objects."""
    from ministack.services import firehose

    stamp = firehose._java_time("yyyy-MM-dd-HH-mm-ss", _moment(output, arrived))
    suffix = output.raw.get("FileExtension") or extension
    return f"{stream}-{version}-{stamp}-{uuid.uuid4()}{suffix}"


def _moment(output: Output, arrived: float) -> time.struct_time:
    zone = ZoneInfo(output.raw.get("CustomTimeZone") or "UTC")
    return datetime.datetime.fromtimestamp(arrived, zone).timetuple()
