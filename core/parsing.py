"""Bytes to JSON values, stricter than ``json.loads`` where it is lax.

``json.loads`` accepts UTF-16, duplicate keys, NaN and numbers of any size, and fails with
``RecursionError`` on deep nesting. A record stream must refuse all of these without stopping, and a
batch must refuse them in the one record that has them; so duplicate keys and NaN become markers
that the record checks refuse where they meet them.
"""

from __future__ import annotations

import json
from typing import Any, Final


class NotJsonError(ValueError):
    """The bytes are not JSON. The message never quotes them: they may hold classified values."""


class DuplicateKeys(dict[str, Any]):
    """An object in which a key occurs twice: which value was meant can't be known."""


class _Constant:
    """Stands for NaN, Infinity or -Infinity, which are not JSON."""


NOT_A_NUMBER: Final = _Constant()
# Where Python itself gives up depends on its version and on what is on the stack already.
DEEPEST: Final = 500
# Spreadsheets and editors write one before what they save as UTF-8, and RFC 8259 (section 8.1) lets
# a reader pass over it.
BYTE_ORDER_MARK: Final = "\ufeff"
_MARK: Final = BYTE_ORDER_MARK.encode()


def bare(raw: bytes) -> bytes:
    """The bytes of a record without a byte order mark before it and white space around it."""
    return raw.removeprefix(_MARK).strip()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    return content if len(content) == len(pairs) else DuplicateKeys(content)


def _constant(_: str) -> _Constant:
    return NOT_A_NUMBER


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).decode


def parse(raw: bytes, what: str = "record") -> object:
    """Read one JSON value, before which a byte order mark may stand; messages call it ``what``.

    Returns:
        The value; objects with a duplicate key as :class:`DuplicateKeys`, NaN and the infinities
        as ``NOT_A_NUMBER``.

    Raises:
        NotJsonError: not UTF-8, not JSON, nested too deeply, or a number of thousands of digits.
    """
    try:
        text = raw.decode("utf-8")
        value: object = _decode(text.removeprefix(BYTE_ORDER_MARK))
    except UnicodeDecodeError as error:
        raise NotJsonError(f"{what} is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{what} is not JSON at character {error.pos}") from None
    except RecursionError:
        raise NotJsonError(f"{what} is nested too deeply") from None
    except ValueError:
        # Python refuses to convert integers beyond 4,300 digits.
        raise NotJsonError(f"{what} holds a number with too many digits") from None
    if text.count("[") + text.count("{") > DEEPEST and _too_deep(value):
        raise NotJsonError(f"{what} is nested too deeply")
    return value


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inside = [one for one in level if isinstance(one, dict | list)]
        level = [
            child for one in inside for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
