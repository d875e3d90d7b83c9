"""Validation, identity and pseudonyms of records: one implementation for every layer.

The transform Lambda, the router, the Spark curate job and the demo's ledger must agree on which
record is valid and which record is which; counts reconcile only because they all call this module.
Standard library only, and importable in a Spark executor.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from core.arrivals import CLOCK_TOLERANCE, known_by
from core.checks import Check, RefusedError, refusals
from core.contract import Field, Record
from core.fields import PSEUDONYMISE, check_of, require_supported, time_field
from core.names import TABLE_LABELS
from core.parsing import NOT_A_NUMBER, DuplicateKeys, NotJsonError, bare, parse

Pseudonymise = Callable[[object], str]
Identify = Callable[[bytes], str]

LONGEST_ID: Final = 256
# Its own key: else the id of a record that is nothing but a value would be the value's pseudonym.
IDENTITY: Final = b"millrace/record-id/v1"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_KEPT_VALIDATORS: Final = 64


class Valid(NamedTuple):
    """A record that keeps the contract.

    ``values`` holds the present fields in the contract's order: times as ``YYYY-MM-DD HH:MM:SS``
    UTC, numbers as floats, classified values as pseudonyms; null optional fields are left out.
    """

    values: dict[str, Any]


class Invalid(NamedTuple):
    """A record that breaks the contract: the first thing found wrong.

    ``code`` is stable and for machines, ``message`` for people; neither holds a classified value.
    ``field`` is None when the record as a whole is wrong.
    """

    code: str
    field: str | None
    message: str


class RecordValidator:
    """A record's checks, compiled. Build it with :func:`compiled`."""

    __slots__ = ("_fields", "_known", "_label_time", "_not_after", "_observed", "_time")

    def __init__(self, record: Record) -> None:
        self._fields: list[tuple[str, bool, Check, bool]] = []
        self._not_after: list[tuple[str, str, Field]] = []
        self._observed: dict[str, list[str]] = {}
        self._time = record["time_field"]
        # Events may lie ahead, as planned ones do; an outcome that is yet to come is not known.
        self._label_time = time_field(record) if record["table"] == TABLE_LABELS else None
        for field in record["fields"]:
            require_supported(field, record)
            treated = field.get("treatment") == PSEUDONYMISE
            self._fields.append(
                (field["name"], field["required"], check_of(field, record), treated)
            )
            if "not_after" in field:
                self._not_after.append((field["name"], field["not_after"], field))
            if "observed_at" in field:
                self._observed.setdefault(field["observed_at"], []).append(field["name"])
        self._known = frozenset(field["name"] for field in record["fields"])

    def check(
        self, content: object, pseudonymise: Pseudonymise, arrived: int | None = None
    ) -> Valid | Invalid:
        """Check one decoded JSON value.

        A label's time may not lie after the record ``arrived`` (in milliseconds since 1970).
        """
        if type(content) is not dict:
            return _not_a_record(content)
        values: dict[str, Any] = {}
        name = ""
        get = content.get
        try:
            for name, required, check, treated in self._fields:
                value = get(name)
                if value is not None:
                    values[name] = pseudonymise(check(value)) if treated else check(value)
                elif required:
                    return Invalid("missing", name, f"{name} is missing; it is required")
        except RefusedError as refused:
            return Invalid(refused.code, name, refused.message)
        if not content.keys() <= self._known:
            return self._unknown(content)
        if self._label_time and arrived is not None and values[self._time] > known_by(arrived):
            return _ahead(self._label_time, content)
        return self._times(values, content) or Valid(values)

    def _times(self, values: dict[str, Any], content: dict[str, Any]) -> Invalid | None:
        """Nothing was observed after the event, as far as the record says when it was."""
        for moment, observations in self._observed.items():
            if moment not in values and not values.keys().isdisjoint(observations):
                return _unobserved(moment, next(n for n in observations if n in values))
        for earlier, later, field in self._not_after:
            if earlier in values and later in values and values[earlier] > values[later]:
                return _after(field, later, content)
        return None

    def _unknown(self, content: dict[str, Any]) -> Invalid:
        unknown = next(key for key in content if key not in self._known)
        # A key that is no identifier may be a value in the wrong place: it is not repeated.
        if _IDENTIFIER.fullmatch(unknown) is None:
            return Invalid("unknown_field", None, "a field's name is not one of the contract's")
        return Invalid("unknown_field", unknown, f"{unknown} is not a field of the contract")


def _unobserved(moment: str, observation: str) -> Invalid:
    """Without its time an observation may have been made after the event."""
    said = f"{moment} is missing; it is required beside {observation}, which was observed then"
    return Invalid("missing", moment, said)


def _after(field: Field, later: str, content: dict[str, Any]) -> Invalid:
    refused = refusals(field, f"a UTC time not after {later}")
    return _invalid(field, refused("after_event_time", content[field["name"]]))


def _ahead(field: Field, content: dict[str, Any]) -> Invalid:
    minutes = int(CLOCK_TOLERANCE.total_seconds()) // 60
    refused = refusals(field, f"a UTC time at most {minutes} minutes after the record arrived")
    return _invalid(field, refused("after_arrival", content[field["name"]]))


def _invalid(field: Field, refused: RefusedError) -> Invalid:
    return Invalid(refused.code, field["name"], refused.message)


def _not_a_record(content: object) -> Invalid:
    if content is NOT_A_NUMBER:
        return Invalid("not_json", None, "record is NaN or infinite, which JSON does not have")
    if isinstance(content, DuplicateKeys):
        return Invalid("not_json", None, "record has the same key twice")
    return Invalid("not_object", None, "record is not a JSON object")


_compiled: dict[int, tuple[Mapping[str, Any], RecordValidator]] = {}


def compiled(record: Mapping[str, Any]) -> RecordValidator:
    """The validator of a record of the compiled contract, built once per record object.

    The record must not be changed afterwards; copy it to try another contract.

    Raises:
        ValueError: the contract asks for a type, treatment or rule that records don't have.
    """
    kept = _compiled.get(id(record))
    # The stored record keeps its id from being reused, and `is` makes sure of it.
    if kept is not None and kept[0] is record:
        return kept[1]
    validator = RecordValidator(cast(Record, record))
    if len(_compiled) >= _KEPT_VALIDATORS:
        _compiled.clear()
    _compiled[id(record)] = (record, validator)
    return validator


def validate(
    raw: bytes, record: Mapping[str, Any], pseudonymise: Pseudonymise, arrived: int | None = None
) -> Valid | Invalid:
    """Check the bytes of one record against the contract; never raises for what they hold.

    Args:
        raw: one JSON object in UTF-8; white space around it, or a byte order mark before it, is
            fine.
        record: ``event`` or ``label`` of the compiled contract.
        pseudonymise: maps a classified value to its pseudonym.
        arrived: in milliseconds since 1970; a label's time may not be later.
    """
    try:
        content = parse(raw)
    except NotJsonError as error:
        return Invalid("not_json", None, str(error))
    return compiled(record).check(content, pseudonymise, arrived)


def id_of(content: object, id_field: str) -> str | None:
    """The id of a decoded record if it has a well-formed one: 1 to 256 printable characters."""
    if type(content) is not dict:
        return None
    value = content.get(id_field)
    if type(value) is not str or not value.isprintable() or not 1 <= len(value) <= LONGEST_ID:
        return None
    return value


def identifier(key: bytes, id_field: str) -> Identify:
    """The identity by which records are counted, as a function of a record's bytes.

    It returns the id field if the bytes are a JSON object with a well-formed one, else ``hmac:``
    and the hex digits of a keyed digest of the bytes without surrounding white space and a byte
    order mark (Firehose and files add newlines). Keyed, because a record that is hardly more than a
    classified value could be found by trying values: docs/adr/0021.

    Args:
        key: the derived key of the pseudonyms.
        id_field: the record's id field in the contract.

    Raises:
        ValueError: the key is shorter than 16 bytes, so that it could be guessed.
    """
    own = hmac.digest(_long_enough(key), IDENTITY, "sha256")

    def identify(raw: bytes) -> str:
        try:
            found = id_of(parse(raw), id_field)
        except NotJsonError:
            found = None
        return found or f"hmac:{hmac.digest(own, bare(raw), 'sha256').hex()}"

    return identify


def pseudonym(value: object, key: bytes) -> str:
    """A keyed pseudonym: ``p_`` and 32 hex digits of HMAC-SHA-256 over the value's text.

    The same value always gets the same pseudonym, so joins and counts still work; without the key
    the few hundred thousand possible values can't be tried.
    """
    return f"p_{hmac.digest(key, str(value).encode('utf-8'), 'sha256').hex()[:32]}"


def pseudonymiser(key: bytes) -> Pseudonymise:
    """Bind :func:`pseudonym` to a key.

    Raises:
        ValueError: the key is shorter than 16 bytes, so that it could be guessed.
    """
    kept = _long_enough(key)
    return lambda value: pseudonym(value, kept)


def _long_enough(key: bytes) -> bytes:
    if len(key) < 16:
        raise ValueError(f"pseudonym key has {len(key)} bytes; at least 16 are needed")
    return key
