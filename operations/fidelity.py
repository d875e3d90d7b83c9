"""The table of AWS's behaviour (docs/fidelity.yaml), and what docs/first-deploy.md takes from it.

Rows that only an optional capability needs stand in its ``fidelity.yaml``, by section.

``python -m operations.fidelity`` rewrites the tables of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from operations.cdk import ROOT
from stacks import registry

TABLE = ROOT / "docs" / "fidelity.yaml"
PAGE = ROOT / "docs" / "first-deploy.md"
BY_DEPLOY = "deploy"
BY_HAND = "hand: "
_BLOCK = re.compile(r"(<!-- fidelity: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_LINK = "[fidelity.yaml](fidelity.yaml)"
_LOCAL = {"refuses": "refuses the same", "does": "does the same", "differs": "differs"}


class Row(BaseModel):
    """One behaviour of AWS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aws: str = Field(min_length=20)
    source: tuple[str, ...] = Field(min_length=1)
    sure: Literal["certain", "likely", "open"]
    local: Literal["refuses", "does", "differs"]
    """What the local platform, or synth, does about it."""
    tests: tuple[str, ...] = ()
    verify: str
    """A function of operations/checks.py, ``deploy`` or ``hand: what to do and see``."""
    why: str = ""

    @model_validator(mode="after")
    def _shown_or_explained(self) -> Row:
        if self.local == "differs" and not self.why:
            raise ValueError("a row that differs says why")
        if self.local != "differs" and not self.tests:
            raise ValueError("a row that holds locally names the test that shows it")
        return self


Table = dict[str, dict[str, Row]]


def read(paths: Iterable[Path] | None = None) -> Table:
    """Rows by section and id; without paths, those of the table and of optional capabilities.

    Raises:
        pydantic.ValidationError: a row has a member too many, too few or of another kind.
        ValueError: two rows have one id.
    """
    table: Table = {}
    for path in paths or (TABLE, *registry.files(TABLE.name)):
        for section, given in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            known = table.setdefault(section, {})
            if twice := known.keys() & given.keys():
                raise ValueError(f"{path}: {section}: {', '.join(twice)} stands elsewhere, too")
            known |= {name: Row.model_validate(row) for name, row in given.items()}
    return table


def rows(table: Table) -> Iterator[tuple[str, Row]]:
    """Every row with its id."""
    for section in table.values():
        yield from section.items()


def to_look_at(row: Row) -> bool:
    """Whether a first deploy has to look.

    Not at what is certain and shows itself in a deploy, and not at what AWS would refuse: templates
    that are refused here too do not do it.
    """
    return row.verify != BY_DEPLOY or (row.sure != "certain" and row.local != "refuses")


def section_table(section: dict[str, Row]) -> str:
    """The section's rows that somebody has to look at, and how many there are beside them."""
    rows = [row for row in section.values() if to_look_at(row)]
    rest = len(section) - len(rows)
    lines = []
    if rows:
        lines = ["| what AWS does | sure | here | how to see it on AWS |", "|---|---|---|---|"]
        lines += [f"| {_told(row)} | {row.sure} | {_here(row)} | {_seen(row)} |" for row in rows]
    if rest:
        more = "more row" if rest == 1 else "more rows"
        told = (
            f"{rest} {more} in [fidelity.yaml](fidelity.yaml): what AWS refuses and our templates "
            "do not do, and what the deploy or its first run shows."
        )
        lines += ["", told] if rows else [told]
    return "\n".join(lines) + "\n"


def _told(row: Row) -> str:
    links = ", ".join(_link(source, number) for number, source in enumerate(row.source, 1))
    return f"{_cell(row.aws)} ({links})"


def _link(source: str, number: int) -> str:
    return f"[{number}]({source})" if source.startswith("http") else f"`{source}`"


def _here(row: Row) -> str:
    return f"{_LOCAL[row.local]}: {_cell(row.why)}" if row.why else _LOCAL[row.local]


def _seen(row: Row) -> str:
    if row.verify == BY_DEPLOY:
        return "the deploy shows it"
    if row.verify.startswith(BY_HAND):
        return f"*hand*: {_cell(row.verify.removeprefix(BY_HAND))}"
    return f"auto `{row.verify}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page(text: str, table: Table) -> str:
    """The page with each marked table filled anew.

    Raises:
        KeyError: a mark names a section that the table does not have.
    """
    return _BLOCK.sub(lambda m: f"{m[1]}{section_table(table[m[2]])}{m[3]}", text)


def sections_of(text: str) -> list[str]:
    """Sections that the page shows."""
    return [match[2] for match in _BLOCK.finditer(text)]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")
