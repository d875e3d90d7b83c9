"""Decisions (``docs/adr``) that let one finding be acknowledged on several resources.

One acknowledgement of a rule on a type of resource is an exception; a second one is a habit, and a
habit is decided in writing. Such an ADR has a table with the columns of :data:`HEADER`; the number
is a ceiling, so that one more resource of the kind goes through the ADR again. An optional
capability says in ``acknowledged.yaml`` by how many it raises one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from config.load import REPOSITORY
from review.findings import Acknowledgement
from stacks import registry

FOLDER = REPOSITORY / "docs" / "adr"
HEADER = "| acknowledged rule | resource type | at most |"
_ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (\d+) \|$")


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of an ADR's table."""

    adr: str
    """Path of the ADR in the repository."""
    rule: str
    """Without the detail in brackets that an exact finding has."""
    type: str
    most: int

    @property
    def pair(self) -> tuple[str, str]:
        """Rule and CloudFormation resource type."""
        return self.rule, self.type


@cache
def decisions(folder: Path | None = None) -> tuple[Decision, ...]:
    """Every row of every ADR; without a folder those of the repository, capabilities included.

    Raises:
        ValueError: a row below the header is not ``| `rule` | `type` | number |``.
    """
    rows = [row for path in sorted((folder or FOLDER).glob("*.md")) for row in _rows(path)]
    raised = Counter[tuple[str, str]]() if folder else _raised()
    return tuple(replace(row, most=row.most + raised[row.pair]) for row in rows)


def _raised() -> Counter[tuple[str, str]]:
    """How many more of each pair the optional capabilities have."""
    raised: Counter[tuple[str, str]] = Counter()
    for path in registry.files("acknowledged.yaml"):
        for row in yaml.safe_load(path.read_text("utf-8")):
            raised[row["rule"], row["type"]] += row["more"]
    return raised


def _rows(path: Path) -> Iterable[Decision]:
    _, _, below = path.read_text("utf-8").partition(HEADER)
    for line in below.splitlines()[2:]:
        if not line.startswith("|"):
            return
        cells = _ROW.match(line)
        if cells is None:
            raise ValueError(f"{path.name}: expected | `rule` | `type` | number |, found {line}")
        rule, kind, most = cells.groups()
        yield Decision(f"docs/adr/{path.name}", rule, kind, int(most))


def decided(entry: Acknowledgement) -> tuple[str, ...]:
    """Paths of the ADRs that decide about an acknowledgement's rule and type."""
    return tuple(row.adr for row in decisions() if row.pair == entry.pair)


def undecided(
    acknowledgements: Iterable[Acknowledgement], known: Iterable[Decision]
) -> dict[tuple[str, str], int]:
    """Pairs of rule and type acknowledged more often than once, or than their ADR allows."""
    ceilings = {row.pair: row.most for row in known}
    counts = Counter(entry.pair for entry in acknowledgements)
    return {pair: count for pair, count in counts.items() if count > ceilings.get(pair, 1)}
