"""What a mistake in a settings or contract file looks like to the person who made it.

All mistakes of all files are collected and shown together: a person who corrects one at a time
pays for one synth per mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.texts import printable

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _NotSet:
    """The field is absent from the file."""

    def __repr__(self) -> str:
        return "not set"


NOT_SET = _NotSet()
MAX_SHOWN = 80


def as_yaml(value: object) -> str:
    """A value as a YAML file may hold it, in one line; text always in quotes."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        members = (f"{key}: {as_yaml(one)}" for key, one in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, str):
        plain = value.isprintable() and "'" not in value
        return f"'{value}'" if plain else json.dumps(value, ensure_ascii=False)
    return str(value)


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused value.

    Attributes:
        file: the file as the person knows it, relative to the repository root.
        field: dotted path; list items carry their name where they have one.
        value: what stands in the file, or :data:`NOT_SET`.
        allowed: what may stand there, or how to change the combination.
        line: 1-based line in the file; None when the value is a default.
        rule: identifier of the cross-field rule, empty for a plain type or range error.
        evidence: page that says why, empty if the rule is our own.
    """

    file: str
    field: str
    value: object
    allowed: str
    line: int | None = None
    rule: str = ""
    evidence: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        shown = as_yaml(self.value)
        if len(shown) > MAX_SHOWN:
            shown = f"{shown[: MAX_SHOWN - 1]}…"
        why = f" [{self.rule}] {self.evidence}".rstrip() if self.rule else ""
        return printable(f"{where}: {self.field or '(file)'}: {shown} — {self.allowed}{why}")


class ConfigurationError(Exception):
    """Settings or contract are refused; ``problems`` holds every reason."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        plural = "" if len(self.problems) == 1 else "s"
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} problem{plural} in the configuration:\n{lines}")
