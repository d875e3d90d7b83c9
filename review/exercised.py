"""Grants that the last local run used, against those that are granted.

``make demo`` leaves what it recorded in ``out/demo/iam.json``: every grant of every role with the
number of allowed calls that matched it, on the same templates under the demo's settings. A grant
that is granted here and unknown there (another setting, a later commit) is shown as not run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from config.load import REPOSITORY
from review.assembly import Assembly
from review.grants import Grant
from review.iam import Role

DEMO = REPOSITORY / "out" / "demo"
State = Literal["exercised", "AWS only", "unused", "not run"]


@dataclass(frozen=True, slots=True)
class RoleUse:
    """One role: its granted actions by what the run did with them."""

    role: str
    actions: dict[str, State]
    pages: dict[str, str]
    """Action → the page that says why AWS needs what an emulator never asks for."""

    def count(self, state: State) -> int:
        """How many actions are in a state."""
        return sum(1 for found in self.actions.values() if found == state)


@dataclass(frozen=True, slots=True)
class Exercise:
    """The last run: when, of which commit, and what it used."""

    started: str
    commit: str
    calls: int
    denied: int
    roles: list[RoleUse]


def exercise(
    assembly: Assembly, roles: list[Role], grants: list[Grant], folder: Path = DEMO
) -> Exercise | None:
    """What the last run used of these grants; None if it left no record."""
    path = folder / "iam.json"
    if not path.is_file():
        return None
    recorded = json.loads(path.read_text(encoding="utf-8"))
    by_role = {
        assembly.name(entry["stack"], entry["logical_id"]): entry for entry in recorded["roles"]
    }
    return Exercise(
        started=recorded["started"],
        commit=recorded["commit"],
        calls=recorded["calls"],
        denied=recorded["denied"],
        roles=[_use(role.name, grants, by_role.get(role.name)) for role in roles],
    )


def _use(role: str, grants: list[Grant], entry: dict[str, Any] | None) -> RoleUse:
    granted = sorted(
        {
            action
            for grant in grants
            if (grant.holder, grant.kind, grant.effect) == (role, "identity", "Allow")
            for action in grant.actions
        }
    )
    known = entry or {"exercised": [], "aws_only": {}, "unused": []}
    return RoleUse(
        role=role,
        actions={action: _state(action, known) for action in granted},
        pages={action: page for action, page in known["aws_only"].items() if action in granted},
    )


def _state(action: str, entry: dict[str, Any]) -> State:
    if action in entry["exercised"]:
        return "exercised"
    if action in entry["aws_only"]:
        return "AWS only"
    return "unused" if action in entry["unused"] else "not run"
