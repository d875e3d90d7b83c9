"""Prefixes of what Firehose writes: which expressions they hold, and which go together.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.emulator.refusals import Properties, refuses
from local.services.firehose.refusals import STREAM, partitions, processors_of, s3_of

_PREFIXES = ("Prefix", "ErrorOutputPrefix")
_EXPRESSION = re.compile(r"!\{([^:{}]*):([^{}]*)\}")
_FROM_LAMBDA, _FROM_QUERY = "partitionKeyFromLambda", "partitionKeyFromQuery"
_NAMESPACES = ("timestamp", "firehose", _FROM_LAMBDA, _FROM_QUERY)
_VALUES = ("error-output-type", "random-string")
# Of Java's DateTimeFormatter, which takes any other letter only between quotes.
# https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html
_TIME_LETTERS = frozenset("GuyDMLdQqYwWEecFahKkHmsSAnNVzOXxZp")
LONGEST_PREFIX = 512


def _namespaces(prefix: Any) -> set[str]:
    return {space for space, _ in _EXPRESSION.findall(str(prefix or ""))}


def _places(properties: Properties) -> Iterator[tuple[str, str]]:
    """Every prefix of a stream; that of errors in the source's backup has no meaning."""
    destination = s3_of(properties)
    for name in _PREFIXES:
        yield name, str(destination.get(name) or "")
    backup = destination.get("S3BackupConfiguration") or {}
    yield "S3BackupConfiguration.Prefix", str(backup.get("Prefix") or "")


@refuses("firehose-prefix-expressions", STREAM)
def _expressions(properties: Properties) -> str | None:
    for name, text in _places(properties):
        if "!{" in _EXPRESSION.sub("", text):
            return f"{name} {text!r}: !{{ begins an expression; allowed: !{{namespace:value}}"
        for space, value in _EXPRESSION.findall(text):
            if space == "timestamp" and (wrong := _no_time(value)):
                return f"{name}: timestamp:{value} {wrong}; allowed: patterns of DateTimeFormatter"
            if space == "firehose" and value not in _VALUES:
                return f"{name}: firehose:{value}; allowed: {_VALUES}"
    return None


def _no_time(pattern: str) -> str:
    """What is wrong with a pattern of dates; empty if nothing is."""
    if pattern.count("'") % 2:
        return "has a quote that does not end"
    letters = {letter for letter in re.sub(r"'[^']*'", "", pattern) if letter.isalpha()}
    unknown = sorted(letters - _TIME_LETTERS)
    return f"has {unknown}" if unknown else "" if pattern else "is empty"


@refuses("firehose-prefix-length", STREAM)
def _length(properties: Properties) -> str | None:
    for name, text in _places(properties):
        length = len(_EXPRESSION.sub("", text))
        if length > LONGEST_PREFIX:
            return f"{name} has {length} characters; allowed: {LONGEST_PREFIX} once evaluated"
    return None


@refuses("firehose-time-zone", STREAM)
def _zone(properties: Properties) -> str | None:
    zone = str(s3_of(properties).get("CustomTimeZone") or "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return f"CustomTimeZone {zone!r}: no time zone; allowed: UTC, or one such as Asia/Tokyo"
    return None


@refuses("firehose-prefix-namespaces", STREAM)
def _prefix(properties: Properties) -> str | None:
    destination = s3_of(properties)
    for name in _PREFIXES:
        unknown = _namespaces(destination.get(name)) - set(_NAMESPACES)
        if unknown:
            return f"{name}: unknown namespace {sorted(unknown)}; allowed: {_NAMESPACES}"
    if "error-output-type" in str(destination.get("Prefix", "")):
        return "Prefix must not use !{firehose:error-output-type}; ErrorOutputPrefix does"
    return None


@refuses("firehose-expression-needs-error-prefix", STREAM)
def _error_prefix(properties: Properties) -> str | None:
    destination = s3_of(properties)
    if not _namespaces(destination.get("Prefix")):
        return None
    errors = str(destination.get("ErrorOutputPrefix", ""))
    if "!{firehose:error-output-type}" in errors:
        return None
    return (
        f"ErrorOutputPrefix {errors!r} must contain !{{firehose:error-output-type}} when Prefix "
        "contains expressions"
    )


@refuses("firehose-partition-keys", STREAM)
def _keys(properties: Properties) -> str | None:
    keys = {_FROM_LAMBDA, _FROM_QUERY}
    used = _namespaces(s3_of(properties).get("Prefix")) & keys
    if wrong := sorted(_namespaces(s3_of(properties).get("ErrorOutputPrefix")) & keys):
        return f"ErrorOutputPrefix has {wrong}; allowed in Prefix only"
    if used and not partitions(properties):
        return (
            "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic "
            f"Partitioning is enabled: {sorted(used)}"
        )
    if partitions(properties) and not used:
        return "Prefix must use a partition key when dynamic partitioning is enabled"
    kinds = {processor.get("Type") for processor in processors_of(properties)}
    for space, kind in ((_FROM_LAMBDA, "Lambda"), (_FROM_QUERY, "MetadataExtraction")):
        if space in used and kind not in kinds:
            return f"Prefix uses {space}: a processor of type {kind} is needed"
    return None
