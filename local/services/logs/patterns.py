"""Filter patterns of CloudWatch Logs: terms, and conditions on the fields of JSON events.

A metric filter whose pattern is wrong counts nothing, on AWS without a word. So the pattern is
evaluated here, and one that this module cannot read is refused when the filter is made.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Matches = Callable[[str], bool]
Condition = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<regex>%[^%]+%)
      | (?P<operator>&&|\|\||!=|>=|<=|[()=<>]) | (?P<word>[^\s()=<>!&|"]+) )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_ABSENT = object()
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    ">": lambda value, limit: value > limit,
    "<": lambda value, limit: value < limit,
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
}


class PatternError(ValueError):
    """A filter pattern that cannot be evaluated; the message says where it goes wrong."""


def select(document: Any, selector: str) -> Any:
    """The value at ``$.a.b[0]`` in an event; ``None`` if there is none."""
    found = _select(document, _steps(selector))
    return None if found is _ABSENT else found


def _steps(selector: str) -> list[str | int]:
    rest = selector.removeprefix("$")
    steps: list[str | int] = [int(step[2]) if step[2] else step[1] for step in _STEP.finditer(rest)]
    if rest == selector or "".join(step[0] for step in _STEP.finditer(rest)) != rest:
        raise PatternError(f"{selector!r} does not select a field; expected $.name")
    return steps


def _select(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return _ABSENT
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return _ABSENT
    return value


class _Reader:
    """Recursive descent: ``||`` binds less than ``&&``, which binds less than a comparison."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, place = text, [], 0
        while text[place:].strip():
            token = _TOKEN.match(text, place)
            if token is None:
                raise PatternError(f"the pattern cannot be read from {text[place:][:30]!r} on")
            self._tokens.append((str(token.lastgroup), token.group().strip()))
            place = token.end()

    def read(self) -> Condition:
        found = self._either()
        if self._tokens:
            raise PatternError(f"{self._tokens[0][1]!r} is not expected in {self._text!r}")
        return found

    def _next(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            raise PatternError(f"{self._text!r} ends too early")
        return self._tokens.pop(0)

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._next() == "||":
            self._take()
            parts.append(self._both())
        return lambda event: any(part(event) for part in parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._next() == "&&":
            self._take()
            parts.append(self._one())
        return lambda event: all(part(event) for part in parts)

    def _one(self) -> Condition:
        if self._next() != "(":
            return self._comparison()
        self._take()
        inner = self._either()
        if self._take()[1] != ")":
            raise PatternError(f"a parenthesis is not closed in {self._text!r}")
        return inner

    def _comparison(self) -> Condition:
        steps = _steps(self._take()[1])
        kind, operator = self._take()
        if kind == "word":
            return self._state(steps, operator)
        if operator not in _ORDER:
            raise PatternError(f"{operator!r} does not compare anything in {self._text!r}")
        compare = _compare(operator, *self._take())
        return lambda event: compare(_select(event, steps))

    def _state(self, steps: list[str | int], word: str) -> Condition:
        words = f"{word} {self._take()[1]}".upper()
        if words == "NOT EXISTS":
            return lambda event: _select(event, steps) is _ABSENT
        wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}
        if words not in wanted:
            raise PatternError(f"{words!r} is not known in {self._text!r}")
        return lambda event: _select(event, steps) is wanted[words]


def _compare(operator: str, kind: str, text: str) -> Callable[[Any], bool]:
    """Compare a field's value; a field that is absent or holds a structure never matches."""
    if kind == "operator":
        raise PatternError(f"{text!r} is not a value")
    if kind == "word" and (limit := _number(text)) is not None:
        order = _ORDER[operator]
        return lambda value: (number := _number(value)) is not None and order(number, limit)
    if operator not in ("=", "!="):
        raise PatternError(f"{operator} needs a number, not {text!r}")
    shape = _shape(kind, text)
    equal = operator == "="

    def holds(value: Any) -> bool:
        if value is _ABSENT or isinstance(value, dict | list):
            return False
        return bool(shape(value if isinstance(value, str) else json.dumps(value))) is equal

    return holds


def _shape(kind: str, text: str) -> Callable[[str], Any]:
    if kind == "regex":
        return re.compile(text[1:-1]).search
    plain = json.loads(text) if kind == "quoted" else text
    return re.compile(".*".join(map(re.escape, plain.split("*"))), re.DOTALL).fullmatch


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _json_pattern(text: str) -> Matches:
    if not text.endswith("}"):
        raise PatternError(f"{text!r} does not end with a brace")
    condition = _Reader(text[1:-1]).read()

    def matches(message: str) -> bool:
        try:
            event = json.loads(message)
        except ValueError:
            return False
        return isinstance(event, dict) and condition(event)

    return matches


def _term_pattern(text: str) -> Matches:
    groups: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for sign, quoted, bare in _TERM.findall(text):
        groups[sign].append(bare or quoted.replace('\\"', '"'))

    def matches(message: str) -> bool:
        if any(term in message for term in groups["-"]):
            return False
        if not all(term in message for term in groups[""]):
            return False
        return not groups["?"] or any(term in message for term in groups["?"])

    return matches


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Matches:
    """A function that tells whether a log message matches; raises ``PatternError``.

    Patterns of space-delimited fields (``[a, b]``) and bare regular expressions are refused.
    """
    text = text.strip()
    if text.startswith("{"):
        return _json_pattern(text)
    if text.startswith(("[", "%")):
        raise PatternError(f"patterns like {text!r} are not evaluated locally")
    return _term_pattern(text)
