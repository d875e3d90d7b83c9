"""One checker per field, built once from the contract.

A checker takes a decoded JSON value and returns it in the form in which it is stored, or raises
:class:`RefusedError`. Building closures once moves every look-up and the compilation of regular
expressions out of the path that each record takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.contract import Field
from core.parsing import NOT_A_NUMBER
from core.texts import printable, readable

Check = Callable[[Any], Any]

PUBLIC = "public"
SHOWN_CHARACTERS = 60
SMALLEST_BIGINT, LARGEST_BIGINT = -(2**63), 2**63 - 1
# Beyond this more than one integer reads as the same double.
LARGEST_EXACT = 2**53 - 1
# XGBoost holds features as 32-bit floats and refuses what becomes infinite in one.
LARGEST_NUMBER = (2 - 2**-23) * 2.0**127
RANGES: dict[str, tuple[float, float]] = {
    "integer": (SMALLEST_BIGINT, LARGEST_BIGINT),
    "number": (-LARGEST_NUMBER, LARGEST_NUMBER),
}
"""What stores and model hold, by type; a contract may only narrow it."""
# What every reader of the tables holds: Spark takes an earlier time for one of the Julian calendar,
# and pandas counts nanoseconds in 64 bits, which end in April 2262.
# https://spark.apache.org/docs/latest/sql-data-sources-parquet.html (datetime rebase)
# https://pandas.pydata.org/docs/user_guide/timeseries.html#timestamp-limitations
EARLIEST, LATEST = "1900-01-01T00:00:00Z", "2261-12-31T23:59:59Z"
# The hour 24 is written out, as ``fromisoformat`` takes it from Python 3.14 on (Lambda), but not
# before (Glue, SageMaker), and no Spark timestamp has it: github.com/python/cpython/pull/105856.
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}Z", re.ASCII)
_DOLLAR = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "an integer"}


class RefusedError(Exception):
    """A value breaks the contract; ``code`` is stable, ``message`` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def classified(field: Field) -> bool:
    """Whether the value may not be shown: everything but ``public`` and the unclassified."""
    return field["classification"] not in (None, PUBLIC) or "treatment" in field


def portable_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile an ODCS (ECMA) pattern so that Python reads it as ECMA does.

    Python's ``$`` also matches before a final newline and its ``\d`` matches every script's digits.
    """
    anchored = _DOLLAR.sub(lambda hit: r"\Z" if hit[0] == "$" else hit[0], pattern)
    return re.compile(anchored, re.ASCII)


def limits(field: Field) -> tuple[float, float]:
    """The least and the greatest value of a field of numbers."""
    smallest, largest = RANGES[field["type"]]
    low, high = field.get("minimum", smallest), field.get("maximum", largest)
    return max(low, smallest), min(high, largest)


def _allowed(field: Field) -> str:
    """What the field allows, in words."""
    if "allowed" in field:
        return ", ".join(printable(str(value)) for value in field["allowed"])
    kind = field["type"]
    if kind == "timestamp":
        return f"a UTC time from {field.get('earliest', EARLIEST)} to {field.get('latest', LATEST)}"
    if kind == "boolean":
        return "true or false"
    if kind in ("integer", "number"):
        low, high = limits(field)
        return f"{'an integer' if kind == 'integer' else 'a number'} from {low} to {high}"
    words = ["text"]
    if "max_length" in field:
        words.append(f"{field.get('min_length', 0)} to {field['max_length']} characters")
    if "pattern" in field:
        words.append(f"matching {printable(field['pattern'])}")
    return " ".join(words)


def shown(value: object) -> str:
    """A value as messages quote it: short, and nothing that does not print."""
    if isinstance(value, dict | list):
        return _KINDS[dict if isinstance(value, dict) else list]
    text = readable(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def refusals(field: Field, allowed: str = "") -> Callable[[str, object], RefusedError]:
    """Build the function that words a refusal of this field, hiding classified values.

    What is ``allowed`` follows from the field alone unless it is given.
    """
    name, allowed, hidden = field["name"], allowed or _allowed(field), classified(field)

    def refused(code: str, value: object) -> RefusedError:
        if value is NOT_A_NUMBER:
            return RefusedError("not_json", f"{name} is NaN or infinite, which JSON does not have")
        found = f"{_KINDS.get(type(value), 'a value')} (not shown)" if hidden else shown(value)
        return RefusedError(code, f"{name} is {found}; allowed: {allowed}")

    return refused


def _text(field: Field) -> Check:
    refused = refusals(field)
    shortest, longest = field.get("min_length", 0), field.get("max_length", sys.maxsize)
    allowed = frozenset(field["allowed"]) if "allowed" in field else None
    match = portable_pattern(field["pattern"]).search if "pattern" in field else None

    def check(value: Any) -> Any:
        if type(value) is not str or not (value.isascii() or _encodable(value)):
            raise refused("wrong_type", value)
        if not shortest <= len(value) <= longest:
            raise refused("too_long" if len(value) > longest else "out_of_range", value)
        if allowed is not None and value not in allowed:
            raise refused("not_allowed", value)
        if match is not None and match(value) is None:
            raise refused("pattern", value)
        return value

    return check


def _encodable(value: str) -> bool:
    """JSON can spell lone surrogates, which no UTF-8 column can hold."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _number(field: Field) -> Check:
    refused = refusals(field)
    low, high = limits(field)
    allowed = frozenset(map(float, field["allowed"])) if "allowed" in field else None

    def check(value: Any) -> Any:
        if type(value) is not float and type(value) is not int:
            raise refused("wrong_type", value)
        if not low <= value <= high:
            raise refused("out_of_range", value)
        if allowed is not None and value not in allowed:
            raise refused("not_allowed", value)
        return float(value)

    return check


def _integer(field: Field) -> Check:
    refused = refusals(field)
    low, high = limits(field)
    allowed = frozenset(map(int, field["allowed"])) if "allowed" in field else None

    def check(value: Any) -> Any:
        # `type is int` and not isinstance: true and false are integers to Python.
        whole = value if type(value) is int else _whole(value)
        if whole is None:
            raise refused("wrong_type", value)
        if not low <= whole <= high:
            raise refused("out_of_range", value)
        if type(value) is float and abs(whole) > LARGEST_EXACT:
            raise refused("wrong_type", value)
        if allowed is not None and whole not in allowed:
            raise refused("not_allowed", value)
        return whole

    return check


def _whole(value: object) -> int | None:
    """The integer that a double is; pandas writes 90.0 in any integer column that has gaps."""
    return int(value) if type(value) is float and value.is_integer() else None


def _boolean(field: Field) -> Check:
    refused = refusals(field)

    def check(value: Any) -> Any:
        if type(value) is not bool:
            raise refused("wrong_type", value)
        return value

    return check


def _timestamp(field: Field) -> Check:
    refused = refusals(field)
    shape = _TIMESTAMP.fullmatch
    low, high = _stored(field.get("earliest", EARLIEST)), _stored(field.get("latest", LATEST))

    def check(value: Any) -> Any:
        if type(value) is not str or shape(value) is None:
            raise refused("wrong_type", value)
        try:
            datetime.fromisoformat(value[:19])
        except ValueError:
            raise refused("wrong_type", value) from None
        moment = _stored(value)
        if moment < low:
            raise refused("too_early", value)
        if moment > high:
            raise refused("too_late", value)
        return moment

    return check


def _stored(moment: str) -> str:
    """A time as sent in the form in which it is stored; both sort as they follow one another."""
    return f"{moment[:10]} {moment[11:19]}"


_BUILDERS: dict[str, Callable[[Field], Check]] = {
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def checker(field: Field) -> Check:
    """Build the checker of one field.

    Raises:
        ValueError: a type that records can't hold, or allowed values of one that takes none.
    """
    kind = field["type"]
    builder = _BUILDERS.get(kind)
    if builder is None:
        raise ValueError(
            f"field {field['name']} has type {kind!r}; allowed: {', '.join(_BUILDERS)}"
        )
    if "allowed" in field and kind in ("boolean", "timestamp"):
        raise ValueError(f"{field['name']} is a {kind}: allowed values would do nothing")
    return builder(field)
