"""YAML of which every value means one thing, whoever reads it.

YAML 1.1, which PyYAML reads, and 1.2, which people have in mind, differ about plain scalars: 0400
is 256, 1:30 is 90, 1e-3 is text and 2024-01-01 is no text. What both read as one number is that
number, a date is the text that the standard wants, and all else is refused where it stands.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from config.problems import Location

# libyaml reads these files ten times as fast; PyYAML wheels carry it, source builds may not.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TEXT, _INTEGER, _NUMBER = f"{_TAG}str", f"{_TAG}int", f"{_TAG}float"
_TAGS = frozenset({_TEXT, _INTEGER, _NUMBER}) | {
    f"{_TAG}{name}" for name in ("bool", "null", "map", "seq", "merge")
}
_KINDS = {yaml.ScalarNode: _TEXT, yaml.SequenceNode: f"{_TAG}seq", yaml.MappingNode: f"{_TAG}map"}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_PLAIN_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_UNLIKE_WHOLE = re.compile(r"[-+]?(?:[0-9]+(?=[.eE])\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_SWITCHES = frozenset({"yes", "no", "true", "false", "on", "off"})
_NOTHING = frozenset({"", "~", "null"})
_MOST_VALUES, _DEEPEST = 100_000, 40
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader; dates stay text, and a number may have an exponent."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [pair for pair in pairs if pair[0] not in (f"{_TAG}timestamp", f"{_TAG}value")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_NUMBER, _UNLIKE_WHOLE, list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that may not stand in the file: where, as it is written, what may, and its line."""

    location: Location
    value: str
    allowed: str
    line: int


@dataclass(slots=True)
class Document:
    """What a text holds.

    Attributes:
        data: plain dicts, lists and scalars; refused scalars are text.
        lines: 1-based line of the value at each location.
        refusals: what is wrong with single values and keys.
    """

    data: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


class UnreadableError(Exception):
    """The text is no document at all; ``line`` is None where nobody knows it."""

    def __init__(self, what: str, allowed: str, line: int | None) -> None:
        super().__init__(what)
        self.what, self.allowed, self.line = what, allowed, line


def parse(content: bytes) -> Document:
    """Read one document.

    Raises:
        UnreadableError: it is not UTF-8, not YAML, or no plain tree of values.
    """
    text = _decoded(content)
    loader, document = _Loader(text), Document()
    try:
        _check_depth(text)
        node = loader.get_single_node()
        if node is not None:
            _examine(node, (), (), document)
            document.data = loader.construct_document(node)
    except yaml.reader.ReaderError as error:
        what = f"character {error.character!r}: {error.reason}"
        raise UnreadableError(what, "allowed: printable text", _line(content, error)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        raise UnreadableError(what, "allowed: YAML", mark.line + 1 if mark else None) from None
    finally:
        loader.dispose()
    return document


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x}"
        raise UnreadableError(what, "allowed: text in UTF-8", line) from None


def _line(content: bytes, error: yaml.reader.ReaderError) -> int:
    return content.count(b"\n", 0, error.position) + 1


def _check_depth(text: str) -> None:
    """Composing recurses in C, where a stack that is too small ends the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST and event.start_mark:
            raise _too_deep(event.start_mark.line + 1)


def _too_deep(line: int) -> UnreadableError:
    return UnreadableError("nested too deeply", f"allowed: {_DEEPEST} levels", line)


def _examine(
    node: yaml.Node, location: Location, around: tuple[yaml.Node, ...], document: Document
) -> None:
    """Record lines below ``node``; note what is refused, and make text of refused scalars."""
    line = node.start_mark.line + 1
    if any(node is outer for outer in around):
        what, allowed = "an anchor inside itself", "allowed: an alias of what ended before"
        raise UnreadableError(what, allowed, line)
    if len(around) > _DEEPEST:
        raise _too_deep(line)
    if len(document.lines) > _MOST_VALUES:
        allowed = f"allowed: {_MOST_VALUES} values, those of aliases counted where they are used"
        raise UnreadableError("too many values", allowed, line)
    if node.tag not in _TAGS:
        _refuse(document, location, node, f"allowed: no tag, here {node.tag}")
        node.tag = next(tag for kind, tag in _KINDS.items() if isinstance(node, kind))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            child = _examine_key(key, location, document)
            _examine(value, child, (*around, node), document)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            document.lines[(*location, index)] = value.start_mark.line + 1
            _examine(value, (*location, index), (*around, node), document)
    elif isinstance(node, yaml.ScalarNode):
        _examine_scalar(node, location, document)


def _examine_key(key: yaml.Node, location: Location, document: Document) -> Location:
    """The location below a key; YAML keeps only the last of two that are equal."""
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode):
        raise UnreadableError("a list or mapping as a key", "allowed: text", line)
    child: Location = (*location, key.value)
    if key.tag not in (_TEXT, f"{_TAG}merge"):
        _refuse(document, child, key, "allowed as a key: text, in quotes")
        key.tag = _TEXT
    elif child in document.lines:
        first = document.lines[child]
        _refuse(document, child, key, f"given twice, first in line {first}; allowed: once")
    document.lines[child] = line
    return child


def _examine_scalar(node: yaml.ScalarNode, location: Location, document: Document) -> None:
    allowed = _problem(node)
    if allowed:
        _refuse(document, location, node, allowed)
        node.tag = _TEXT


def _problem(node: yaml.ScalarNode) -> str | None:
    """What is wrong with a scalar, as what is allowed."""
    value, plain = node.value, not node.style
    if node.tag == f"{_TAG}bool":
        return None if value.lower() in _SWITCHES else "allowed: true or false"
    if node.tag == f"{_TAG}null":
        return None if value.lower() in _NOTHING else "allowed: null"
    if node.tag == _INTEGER:
        return _problem_of_whole(value)
    if node.tag == _NUMBER:
        finite = _PLAIN_NUMBER.fullmatch(value) and math.isfinite(float(value))
        return None if finite else "allowed: a finite decimal number, or text in quotes"
    if plain and _LEADING_ZERO.fullmatch(value):
        return _problem_of_whole(value)
    return None


def _problem_of_whole(value: str) -> str | None:
    if not _WHOLE.fullmatch(value):
        return (
            "allowed: a decimal number without leading zero, colon or underscore, which YAML reads "
            "as octal, by sixties or as text; or text in quotes"
        )
    # Python refuses to read thousands of digits.
    if len(value) > len(str(_SMALLEST)) or not _SMALLEST <= int(value) <= _LARGEST:
        return f"allowed: a whole number of 64 bits, {_SMALLEST} to {_LARGEST}"
    return None


def _refuse(document: Document, location: Location, node: yaml.Node, allowed: str) -> None:
    value = node.value if isinstance(node, yaml.ScalarNode) else node.tag
    document.refusals.append(Refusal(location, value, allowed, node.start_mark.line + 1))
