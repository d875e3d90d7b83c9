"""Grants that the last local run used, against those that are granted, and why the rest stand.

``make demo`` leaves what it recorded in ``out/demo/iam.json``: the grants of every role that an
allowed call matched, on the same templates under the demo's settings. What no call used has to fit
an entry of ``docs/aws-required-grants.yaml``, which is laid against these templates here, statement
by statement. A grant that neither explains (another setting, a later commit) is shown as not run.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from config.load import REPOSITORY
from operations.required_grants import GrantTable, HeldGrant, RequiredGrant, table
from review.assembly import Assembly
from review.held import held, place
from review.iam import Role

DEMO = REPOSITORY / "out" / "demo"
State = Literal["exercised", "listed", "unused", "not run"]


@dataclass(frozen=True, slots=True)
class Listed:
    """Why a grant stands that no call of the run used."""

    integration: str
    page: str
    why: str
    proven_by: str
    """The test that makes the call, where only a failure brings it about."""


@dataclass(frozen=True, slots=True)
class RoleUse:
    """One role: its granted actions by what the run did with them."""

    role: str
    actions: dict[str, State]
    listed: dict[str, Listed]
    """Action → the entry of the table that all of its statements fit."""

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
    assembly: Assembly,
    roles: Iterable[Role],
    folder: Path = DEMO,
    required: GrantTable | None = None,
) -> Exercise | None:
    """What the last run used of the templates' grants; None if it left no record."""
    path = folder / "iam.json"
    if not path.is_file():
        return None
    recorded = json.loads(path.read_text(encoding="utf-8"))
    known = {f"{entry['stack']}/{entry['logical_id']}": entry for entry in recorded["roles"]}
    of_role: dict[str, list[HeldGrant]] = defaultdict(list)
    for grant in held(assembly):
        of_role[grant.role].append(grant)
    return Exercise(
        started=recorded["started"],
        commit=recorded["commit"],
        calls=recorded["calls"],
        denied=recorded["denied"],
        roles=[
            _use(role.name, of_role[place(role)], known.get(place(role), {}), required or table())
            for role in roles
        ],
    )


def _use(
    name: str, grants: list[HeldGrant], entry: dict[str, Any], required: GrantTable
) -> RoleUse:
    by_action: dict[str, list[RequiredGrant | None]] = defaultdict(list)
    for grant in grants:
        by_action[grant.action].append(required.find(grant))
    actions: dict[str, State] = {}
    listed: dict[str, Listed] = {}
    for action, entries in sorted(by_action.items()):
        actions[action] = _state(action, entries, entry)
        if actions[action] == "listed" and entries[0] is not None:
            first = entries[0]
            listed[action] = Listed(first.integration, first.page, first.why, first.proven_by)
    return RoleUse(role=name, actions=actions, listed=listed)


def _state(action: str, entries: list[RequiredGrant | None], recorded: dict[str, Any]) -> State:
    """An action is listed only if every statement that grants it fits an entry."""
    if action in recorded.get("unused", []):
        return "unused"
    if action in recorded.get("exercised", []):
        return "exercised"
    return "listed" if all(entries) else "not run"
