"""``python -m review.comment BASE HEAD``: what a change does to templates and to their idle cost.

BASE and HEAD are two checkouts in which ``make templates`` has run. The Markdown is one comment of
a pull request (``.github/workflows/checks.yml``): first what can hurt, by the classes of
``review.changes``, then the cost, then every other property that differs. A change that several
settings files share stands once, with their names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from config import cost
from config.load import environments, load_deployment
from config.problems import ConfigurationError
from review import facts, touched
from review.assembly import Assembly, acknowledged
from review.changes import BLOCKING, HARMLESS, KINDS, WHAT_TO_DO, Change, blocking, compare
from review.facts import Facts

MARKER = "<!-- millrace: what this change does -->"
"""The first line, by which the workflow finds the comment that it has to update."""
TEMPLATES = Path("out/templates")
LIMIT = 60_000
"""GitHub refuses a comment of more than 65,536 characters."""
FEW = 12
_BOLD = (
    "**Bold** must not pass unreviewed: `make review ENV=… ACCEPT=yes` puts it into "
    "`docs/review/*.baseline.yaml`, whose diff a reviewer approves."
)
_CUT = "Cut here, because a comment is limited: the run's artifact `comment` has the rest."


@dataclass(frozen=True, slots=True)
class Side:
    """One settings file of one checkout."""

    facts: Facts
    assembly: Assembly
    cost: list[cost.Line]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One settings file before and after; None where the checkout does not have it."""

    environment: str
    before: Side | None
    now: Side | None

    @property
    def changes(self) -> list[Change]:
        """Differences that have a class."""
        return compare(self.before.facts, self.now.facts) if self.before and self.now else []

    @property
    def touched(self) -> list[touched.Touched]:
        """Every resource that differs."""
        if not (self.before and self.now):
            return []
        return touched.resources(self.before.assembly, self.now.assembly)

    @property
    def note(self) -> str:
        """What could not be compared."""
        return " ".join(side.note for side in (self.before, self.now) if side and side.note)


def read(base: Path, head: Path) -> list[Compared]:
    """Every settings file of either checkout."""
    names = sorted({*environments(base), *environments(head)})
    return [
        Compared(name, *(_side(root, name, head) if _has(root, name) else None
                         for root in (base, head)))
        for name in names
    ]  # fmt: skip


def _has(root: Path, environment: str) -> bool:
    return environment in environments(root)


def _side(root: Path, environment: str, head: Path) -> Side:
    """Read one assembly; the base's settings may be of a form that this code no longer knows."""
    folder, note = root / TEMPLATES / environment, ""
    try:
        contract = load_deployment(environment, root).contract
    except ConfigurationError:
        if root == head or not _has(head, environment):
            raise
        contract = load_deployment(environment, head).contract
        note = "Fields of records are not compared: the base's settings have another form."
    assembly = Assembly.read(folder)
    found = facts.collect(environment, assembly, contract, ())
    found = replace(found, acknowledgements=tuple(sorted(acknowledged(folder))))
    return Side(found, assembly, cost.idle_lines(cost.read_templates(folder)), note)


def comment(compared: list[Compared]) -> str:
    """The comment, cut between two paragraphs if it is too long."""
    text, left = "", [MARKER, *_summary(compared), *_classes(compared), *_costs(compared),
                      *_others(compared)]  # fmt: skip
    for block in left:
        if len(text) + len(block) > LIMIT:
            return f"{text}{_CUT}\n"
        text += f"{block}\n\n"
    return text.rstrip() + "\n"


def _summary(compared: list[Compared]) -> list[str]:
    rows = [
        f"| {one.environment} | {_counted(one)} | {len(one.touched) or 'none'} | {_price(one)} |"
        for one in compared
    ]
    head = ["| settings | by class | resources that differ | idle cost, USD a month |",
            "|---|---|---|---|"]  # fmt: skip
    notes = [f"{one.environment}: {one.note}" for one in compared if one.note]
    if any(blocking(one.changes) for one in compared):
        notes.insert(0, _BOLD)
    return ["## What this change does to the templates", "\n".join([*head, *rows]), *notes]


def _counted(one: Compared) -> str:
    if one.before is None or one.now is None:
        return "new settings file" if one.before is None else "settings file is gone"
    kinds = [change.kind for change in one.changes]
    counts = [f"{kinds.count(kind)} {kind}" for kind in KINDS if kind in kinds]
    return ", ".join(f"**{c}**" if c.split(" ", 1)[1] in BLOCKING else c for c in counts) or "none"


def _price(one: Compared) -> str:
    before, now = (_sum(side.cost) if side else None for side in (one.before, one.now))
    if before is None or now is None:
        return f"{now or before or 0:.2f}"
    return f"{now:.2f}" if before == now else f"{before:.2f} → {now:.2f} ({now - before:+.2f})"


def _sum(lines: Iterable[cost.Line]) -> float:
    return round(sum(line.month for line in lines), 2)


def _shared(
    compared: list[Compared], lines: Callable[[Compared], Iterable[str]]
) -> list[tuple[str, str]]:
    """Each line once, with the settings files that have it."""
    found: dict[str, list[str]] = {}
    for one in compared:
        for line in lines(one):
            found.setdefault(line, []).append(one.environment)
    every = [one.environment for one in compared if one.before and one.now]
    return [(line, "" if at == every else f" ({', '.join(at)})") for line, at in found.items()]


def _code(text: str) -> str:
    """Names of resources hold ``<…>`` and ``*``, which Markdown would read."""
    return f"`{text.replace('`', chr(39))}`"


def _listed(title: str, explained: str, bullets: list[str], *, folded: bool) -> str:
    body = "\n".join([*([explained, ""] if explained else []), *bullets])
    if folded:
        return f"<details><summary>{title}: {len(bullets)}</summary>\n\n{body}\n\n</details>"
    return f"### {title}: {len(bullets)}\n{body}"


def _classes(compared: list[Compared]) -> list[str]:
    blocks = []
    for kind in KINDS:
        found = _shared(
            compared,
            lambda one, kind=kind: [  # type: ignore[misc]
                f"- {_code(change.subject)}: {_code(change.detail)}"
                for change in one.changes
                if change.kind == kind
            ],
        )
        if not found:
            continue
        advice = f" What to do: {WHAT_TO_DO[kind]}." if kind in WHAT_TO_DO else ""
        folded = kind in HARMLESS or (len(found) > FEW and kind not in BLOCKING)
        bullets = [f"{line}{at}" for line, at in found]
        blocks.append(_listed(kind.capitalize(), f"{KINDS[kind]}{advice}", bullets, folded=folded))
    return blocks


def _costs(compared: list[Compared]) -> list[str]:
    found = _shared(compared, _cost_lines)
    if not found:
        return []
    head = "Without use, by the list prices of `config/cost.py` (`docs/cost.md`)."
    return [_listed("Idle cost", head, [f"{line}{at}" for line, at in found], folded=False)]


def _cost_lines(one: Compared) -> list[str]:
    if not (one.before and one.now):
        return []
    before, now = ({line.what: line for line in side.cost} for side in (one.before, one.now))
    return [
        f"- {what}: {_count(before, what)} → {_count(now, what)}, "
        f"{_month(now, what) - _month(before, what):+.2f} USD a month"
        for what in sorted({*before, *now})
        if _count(before, what) != _count(now, what)
    ]


def _count(lines: dict[str, cost.Line], what: str) -> int:
    return lines[what].count if what in lines else 0


def _month(lines: dict[str, cost.Line], what: str) -> float:
    return lines[what].month if what in lines else 0.0


def _others(compared: list[Compared]) -> list[str]:
    found = _shared(
        compared,
        lambda one: [f"- {_code(t.name)} ({t.type}): {_code(t.what)}" for t in one.touched],
    )
    if not found:
        return []
    head = "Every resource that differs; contents of archives, tags and metadata are left out."
    bullets = [f"{line}{at}" for line, at in found]
    return [_listed("Resources that differ", head, bullets, folded=True)]


def main(base: str, head: str) -> None:
    """Print the comment."""
    sys.stdout.write(comment(read(Path(base), Path(head))))


if __name__ == "__main__":
    main(*sys.argv[1:])
