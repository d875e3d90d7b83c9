"""What Firehose could not deliver: its envelopes, and the records in them.

What a record looks like there depends on how far it came. One that failed at the transform function
(``processing-failed``) is as its producer sent it. One that failed afterwards, because it did not
fit the table's schema (``format-conversion-failed``), because the stream had no room for another
partition (``activePartitionExceeded``) or because its partition could not be found, is as the
function returned it: validated, with times as they are stored and pseudonyms for classified values.
Only what Firehose put below such a type is taken for that; anybody could send a record that looks
so. Should Firehose hold an original there, the contract's validator decides as for any other.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/buffering.html
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from lambdas.shared import records
from lambdas.shared.contract import Field, Record
from lambdas.shared.parsing import NotJsonError, parse

BEFORE_TRANSFORM = "processing-failed"
# Known ones; any type but the first is taken for one of these.
AFTER_TRANSFORM = (
    "format-conversion-failed", "activePartitionExceeded", "metadata-extraction-failed",
)  # fmt: skip
# A record of that type, too, has passed the function if Firehose failed to partition it.
PARTITIONING = "DynamicPartitioning."
PSEUDONYM = r"^p_[0-9a-f]{32}$"
_STORED_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})", re.ASCII)
_decode = json.JSONDecoder().raw_decode


class Failed(NamedTuple):
    """A record out of the error output, and whether it had passed the transform function."""

    raw: bytes
    transformed: bool


def envelopes(line: str, output_type: str) -> Iterator[Failed]:
    """The records of a line of error output, which may hold several envelopes.

    What is no envelope is given back as it is, so that it is counted rather than lost.
    """
    place, end = 0, len(line)
    while place < end:
        try:
            envelope, after = _decode(line, place)
            yield _record(envelope, output_type)
        except (ValueError, KeyError, TypeError, binascii.Error):
            rest = line[place:].strip()
            if rest:
                yield Failed(rest.encode(), transformed=False)
            return
        while after < end and line[after].isspace():
            after += 1
        place = after


def _record(envelope: Any, output_type: str) -> Failed:
    raw = base64.b64decode(envelope["rawData"], validate=True)
    code = str(envelope.get("errorCode", ""))
    passed = output_type != BEFORE_TRANSFORM or code.startswith(PARTITIONING)
    return Failed(raw, transformed=bool(output_type) and passed)


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
    return records.validate(failed.raw, record, pseudonymise)


def _as_stored(raw: bytes, record: Mapping[str, Any]) -> records.Valid | records.Invalid:
    """Check a record that the transform function returned: nothing is pseudonymised again."""
    try:
        content = parse(raw)
    except NotJsonError as error:
        return records.Invalid("not_json", None, str(error))
    if isinstance(content, dict):
        content = {name: _as_sent(value) for name, value in content.items()}
    return records.compiled(_stored_form(record)).check(content, _never)


def _as_sent(value: Any) -> Any:
    """A stored time in the form that the contract's validator takes."""
    stored = _STORED_TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{stored[1]}T{stored[2]}Z" if stored else value


def _never(_value: object) -> str:
    raise AssertionError("a stored record has no value left to pseudonymise")


_stored_forms: dict[int, tuple[Mapping[str, Any], Record]] = {}


def _stored_form(record: Mapping[str, Any]) -> Record:
    """The record with pseudonyms in the place of values that the function replaces."""
    kept = _stored_forms.get(id(record))
    if kept is None or kept[0] is not record:
        fields = [_stored_field(field) for field in record["fields"]]
        kept = (record, cast(Record, {**record, "fields": fields}))
        _stored_forms[id(record)] = kept
    return kept[1]


def _stored_field(field: Field) -> Field:
    if field.get("treatment") != records.PSEUDONYMISE:
        return field
    return {
        "name": field["name"],
        "type": "string",
        "glue_type": field["glue_type"],
        "required": field["required"],
        "classification": field["classification"],
        "description": field["description"],
        "pattern": PSEUDONYM,
    }
