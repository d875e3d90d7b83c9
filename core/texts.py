"""Text for people: letters of every language as they are, and nothing that is not to be seen.

``json.dumps`` escapes whatever is not ASCII, which nobody can read. Left as it is, a character that
is no letter may reorder a line of a log or be half of one, which UTF-8 does not have.
"""

from __future__ import annotations

import json


def readable(value: object) -> str:
    """A value as JSON; characters that do not print are escaped, all others stay."""
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """A text in which characters that do not print are escaped, all others stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def document(value: object) -> str:
    """An answer or a notice as JSON that UTF-8 can hold; a lone surrogate stays an escape.

    Raises:
        ValueError: it holds NaN or an infinity, which JSON does not have.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
