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

from lambdas.shared.contract import Field
from lambdas.shared.parsing import NOT_A_NUMBER
from lambdas.shared.texts import readable

Check = Callable[[Any], Any]

PUBLIC = "public"
SHOWN_CHARACTERS = 60
SMALLEST_BIGINT, LARGEST_BIGINT = -(2**63), 2**63 - 1
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


def _allowed(field: Field) -> str:
    """What the field allows, in words."""
    if "allowed" in field:
        return ", ".join(str(value) for value in field["allowed"])
    kind = field["type"]
    if kind == "timestamp":
        return "a UTC time such as 2013-01-01T10:15:00Z"
    if kind == "boolean":
        return "true or false"
    if kind in ("integer", "number"):
        low, high = field.get("minimum", "any"), field.get("maximum", "any")
        return f"{'an integer' if kind == 'integer' else 'a number'} from {low} to {high}"
    words = ["text"]
    if "max_length" in field:
        words.append(f"{field.get('min_length', 0)} to {field['max_length']} characters")
    if "pattern" in field:
        words.append(f"matching {field['pattern']}")
    return " ".join(words)


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return _KINDS[dict if isinstance(value, dict) else list]
    text = readable(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def refusals(field: Field) -> Callable[[str, object], RefusedError]:
    """Build the function that words a refusal of this field, hiding classified values."""
    name, allowed, hidden = field["name"], _allowed(field), classified(field)

    def refused(code: str, value: object) -> RefusedError:
        if value is NOT_A_NUMBER:
            return RefusedError("not_json", f"{name} is NaN or infinite, which JSON does not have")
        shown = f"{_KINDS.get(type(value), 'a value')} (not shown)" if hidden else _shown(value)
        return RefusedError(code, f"{name} is {shown}; allowed: {allowed}")

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
    low = field.get("minimum", -sys.float_info.max)
    high = field.get("maximum", sys.float_info.max)
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
    low = max(field.get("minimum", SMALLEST_BIGINT), SMALLEST_BIGINT)
    high = min(field.get("maximum", LARGEST_BIGINT), LARGEST_BIGINT)
    allowed = frozenset(map(int, field["allowed"])) if "allowed" in field else None

    def check(value: Any) -> Any:
        # `type is int` and not isinstance: true and false are integers to Python.
        if type(value) is not int:
            raise refused("wrong_type", value)
        if not low <= value <= high:
            raise refused("out_of_range", value)
        if allowed is not None and value not in allowed:
            raise refused("not_allowed", value)
        return value

    return check


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

    def check(value: Any) -> Any:
        if type(value) is not str or shape(value) is None:
            raise refused("wrong_type", value)
        try:
            datetime.fromisoformat(value[:19])
        except ValueError:
            raise refused("wrong_type", value) from None
        return f"{value[:10]} {value[11:19]}"

    return check


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
        ValueError: a type that records can't hold.
    """
    builder = _BUILDERS.get(field["type"])
    if builder is None:
        raise ValueError(
            f"field {field['name']} has type {field['type']!r}; allowed: {', '.join(_BUILDERS)}"
        )
    return builder(field)


def bounded_time(field: Field, earliest: str, latest: str) -> Check:
    """The checker of the record's time: also no partition may lie outside the contract's years.

    One record from the year 9999 would open a partition of its own; Firehose keeps 500 at most.
    """
    base, refused = checker(field), refusals(field)
    low, high = (f"{bound[:10]} {bound[11:19]}" for bound in (earliest, latest))

    def check(value: Any) -> Any:
        moment = base(value)
        if moment < low:
            raise _outside(refused("too_early", value), earliest, latest)
        if moment > high:
            raise _outside(refused("too_late", value), earliest, latest)
        return moment

    return check


def _outside(refused: RefusedError, earliest: str, latest: str) -> RefusedError:
    return RefusedError(refused.code, f"{refused.message} from {earliest} to {latest}")
