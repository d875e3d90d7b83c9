"""Read a YAML file together with the line of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from config.problems import NOT_SET, Location, Problem

# libyaml reads these files ten times as fast; PyYAML wheels carry it, source builds may not.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file.

    Attributes:
        name: path to show, relative to the repository root.
        data: the document; empty if it could not be read.
        lines: 1-based line of the value at each location.
        problems: what is wrong with the text itself (not YAML, duplicate keys).
    """

    name: str
    data: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

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
        text = ""
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
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, see _Loader)
    except (OSError, UnicodeDecodeError) as error:
        return Source(name, {}, problems=(Problem(name, "", str(path), f"unreadable: {error}"),))
    except yaml.YAMLError as error:
        return Source(name, {}, problems=(_syntax_problem(name, error),))
    if node is None or not isinstance(data, dict):
        return Source(name, {}, problems=(Problem(name, "", data, "allowed: a YAML mapping"),))
    lines: dict[Location, int] = {}
    duplicates = tuple(_walk(node, (), lines, name))
    return Source(name, data, lines, duplicates)


def _syntax_problem(name: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return Problem(name, "", what, "allowed: YAML", line=mark.line + 1 if mark else None)


def _walk(
    node: yaml.Node, location: Location, lines: dict[Location, int], name: str
) -> Iterator[Problem]:
    """Record lines below ``node``; yield keys given twice, of which YAML keeps only the last."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            child: Location = (*location, key.value)
            if child in lines:
                yield Problem(
                    name, ".".join(map(str, child)), key.value,
                    f"given twice, first in line {lines[child]}; allowed: once",
                    line=key.start_mark.line + 1,
                )  # fmt: skip
            lines[child] = key.start_mark.line + 1
            yield from _walk(value, child, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*location, index)] = value.start_mark.line + 1
            yield from _walk(value, (*location, index), lines, name)


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
