"""Read a YAML file together with the line of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import yaml_text
from config.problems import NOT_SET, Location, Problem
from config.yaml_text import UnreadableError


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file.

    Attributes:
        name: path to show, relative to the repository root.
        data: the document; empty if it could not be read.
        lines: 1-based line of the value at each location.
        problems: what is wrong with the text itself (not YAML, duplicate keys, octal numbers).
        refused: locations of the problems, at which nothing else need be said.
        within: keys that stand deeper in the file than in ``data``, below ``place``.
        place: of one of several models, where it stands in the file: its name comes last.
        named: the key of ``data`` that has that name for its value.
    """

    name: str
    data: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    refused: tuple[Location, ...] = ()
    within: tuple[str, ...] = ()
    place: Location = ()
    named: str = ""

    def at(self, location: Location) -> object:
        """The value at ``location``, or :data:`NOT_SET`."""
        current: Any = self.data
        for step in location:
            try:
                current = current[step]
            except (KeyError, IndexError, TypeError):
                return NOT_SET
        return current

    def problem(
        self,
        location: Location,
        allowed: str,
        *,
        value: object = NOT_SET,
        rule: str = "",
        evidence: str = "",
    ) -> Problem:
        """A problem at ``location``; the value is the file's unless another is given."""
        return Problem(
            file=self.name,
            field=self.describe(location),
            value=self.at(location) if value is NOT_SET else value,
            allowed=allowed,
            line=self._line(location),
            rule=rule,
            evidence=evidence,
        )

    def describe(self, location: Location) -> str:
        """Dotted path in which list items appear by their name: ``schema[events].name``."""
        here = ".".join(map(str, self.place))
        if here and location == (self.named,):
            return here
        text = here if location[:1] and location[0] in self.within else ""
        for depth, step in enumerate(location):
            if isinstance(step, int):
                text += f"[{self._item_name(location[: depth + 1], step)}]"
            else:
                text += f".{step}" if text else step
        return text

    def _item_name(self, location: Location, index: int) -> str:
        item = self.at(location)
        if not isinstance(item, dict):
            return str(index)
        texts = [item[key] for key in ("name", "property", "element") if key in item]
        return " ".join(text for text in texts if isinstance(text, str)) or str(index)

    def _line(self, location: Location) -> int | None:
        """Line of the value, or of the nearest enclosing item when the value is absent."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return None


def read_source(path: Path, root: Path) -> Source:
    """Parse ``path``. A text that is not a YAML mapping yields a source with problems."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        document = yaml_text.parse(path.read_bytes())
    except OSError as error:
        return Source(name, {}, problems=(Problem(name, "", str(path), f"unreadable: {error}"),))
    except UnreadableError as error:
        return Source(
            name, {}, problems=(Problem(name, "", error.what, error.allowed, error.line),)
        )
    if not isinstance(document.data, dict):
        wrong = Problem(name, "", document.data, "allowed: a YAML mapping")
        return Source(name, {}, problems=(wrong,))
    plain = Source(name, document.data, document.lines)
    problems = tuple(
        Problem(name, plain.describe(one.location), one.value, one.allowed, one.line)
        for one in document.refusals
    )
    refused = tuple(one.location for one in document.refusals)
    return Source(name, document.data, document.lines, problems, refused)


def without(data: dict[str, Any], locations: Iterable[Location]) -> dict[str, Any]:
    """A copy of ``data`` without the leaves at ``locations``.

    This lets cross-field rules look at the rest of a file of which a few values are wrong.
    """
    copy = deepcopy(data)
    for location in locations:
        holder: Any = copy
        for depth, step in enumerate(location):
            last = depth == len(location) - 1
            present = (isinstance(holder, dict) and step in holder) or (
                isinstance(holder, list) and isinstance(step, int) and step < len(holder)
            )
            if not present:
                break
            if last or not isinstance(holder[step], (dict, list)):
                # List items stay in place, so that the positions of their neighbours still hold.
                if isinstance(holder, dict):
                    del holder[step]
                else:
                    holder[step] = None
                break
            holder = holder[step]
    return copy
