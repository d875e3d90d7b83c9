"""What Firehose could not deliver: its envelopes, and the records in them.

What a record looks like there depends on how far it came. One that failed at the transform function
(``processing-failed``) is as its producer sent it. One that failed afterwards because it did not
fit the table's schema (``format-conversion-failed``) is as the function returned it: validated,
with times as they are stored and pseudonyms for classified values. Streams that deliver Parquet to
S3, without dynamic partitioning, have no other type. Should Firehose write one that is not known
here, its records are read as those that failed late: a producer cannot choose the type.
Only what Firehose put below such a type is taken for that; anybody could send a record that looks
so. Should Firehose hold an original there, the contract's validator decides as for any other.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core import records, stored
from core.arrivals import arrival
from core.parsing import NotJsonError, parse

BEFORE_TRANSFORM = "processing-failed"
AFTER_TRANSFORM = "format-conversion-failed"
_decode = json.JSONDecoder().raw_decode


class Failed(NamedTuple):
    """A record out of the error output, and whether it had passed the transform function.

    ``arrived`` is the time of its arrival in milliseconds; None if nothing says so.
    """

    raw: bytes
    transformed: bool
    arrived: int | None = None


def envelopes(raw: bytes, output_type: str) -> Iterator[Failed]:
    """The records of a line of error output, which may hold several envelopes.

    What is no envelope is given back as it is, so that it is counted rather than lost.
    """
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        yield Failed(raw, transformed=False)
        return
    place, end = 0, len(line)
    while place < end:
        try:
            envelope, after = _decode(line, place)
            yield _record(envelope, output_type)
        except (ValueError, KeyError, TypeError, RecursionError):
            rest = line[place:].strip()
            if rest:
                yield Failed(rest.encode(), transformed=False)
            return
        while after < end and line[after].isspace():
            after += 1
        place = after


def _record(envelope: Any, output_type: str) -> Failed:
    raw = base64.b64decode(envelope["rawData"], validate=True)
    passed = output_type not in {"", BEFORE_TRANSFORM}
    return Failed(raw, passed, _stamp(envelope.get("arrivalTimestamp")))


def _stamp(found: object) -> int | None:
    """Milliseconds; the pages show them as text, and Firehose writes a number."""
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) < 20:
        return int(found)
    return found if type(found) is int else None


def output_type(path: str, errors: str) -> str:
    """Firehose's error output type: the folder below the stream's error prefix; empty without.

    Args:
        path: of the object.
        errors: folder of the stream's error output, such as ``s3://bucket/errors/events/``.
    """
    folder = "/".join(["", *errors.rstrip("/").split("/")[-2:], ""])
    kind, slash, _ = path.partition(folder)[2].partition("/")
    return kind if slash else ""


def validate(
    failed: Failed, record: Mapping[str, Any], pseudonymise: records.Pseudonymise
) -> records.Valid | records.Invalid:
    """Check a failed record in the form in which it failed."""
    if failed.transformed:
        found = _as_stored(failed.raw, record)
        if isinstance(found, records.Valid):
            return found
    return records.validate(failed.raw, record, pseudonymise, arrival(failed.arrived))


def _as_stored(raw: bytes, record: Mapping[str, Any]) -> records.Valid | records.Invalid:
    """Check a record that the transform function returned: nothing is pseudonymised again."""
    try:
        return stored.check(parse(raw), record)
    except NotJsonError as error:
        return records.Invalid("not_json", None, str(error))
