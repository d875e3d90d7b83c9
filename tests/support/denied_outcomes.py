"""What an act came to: the service's answer, and what the evaluator recorded of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator import iam_report
from tests.support.probe_stack import wait_for

# Sessions of the callers are named so.
SESSION = "denied"
# Bucket policies refuse what comes from outside the network; that would hide the role's own policy.
PERIMETER = "DenyOutsidePerimeter"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to, and the decisions that the evaluator recorded meanwhile."""

    refused: bool
    told: str
    started: float
    ended: float
    decisions: tuple[dict[str, Any], ...] = ()

    def decided(
        self,
        proofs: Iterable[tuple[str, str]],
        decisions: Iterable[str],
        *,
        by_perimeter: bool = False,
    ) -> bool:
        """Whether one of the (action, resource) pairs was decided in one of these ways.

        What a VPC endpoint's policy decides is not counted, nor the buckets' perimeter unless told.
        """
        wanted = {(*pair, decision) for pair in proofs for decision in decisions}
        return any(
            (d["action"], d["resource"], d["decision"]) in wanted
            and d["via"] == "request"
            and (by_perimeter or d.get("statement") != PERIMETER)
            for d in self.decisions
        )

    def __str__(self) -> str:
        seen = [(d["action"], d["resource"], d["decision"]) for d in self.decisions]
        return f"{'refused' if self.refused else 'not refused'}: {self.told[:200]}; decided {seen}"


def with_decisions(
    state_dir: Path, mark: str, done: dict[tuple[str, str], Outcome], roles: dict[str, str]
) -> dict[tuple[str, str], Outcome]:
    """Add to each outcome (caller, act) what was recorded of its caller between start and end.

    Args:
        state_dir: the platform's.
        mark: part of the resource of a request that was made after all of them.
        done: outcomes without decisions.
        roles: label → role name of every caller.
    """

    def recorded() -> list[dict[str, Any]] | None:
        found = list(iam_report.read_decisions(state_dir))
        # Decisions are written in order: what came before the mark is in the file with it.
        return found if any(mark in d["resource"] for d in reversed(found)) else None

    by_role: dict[str, list[dict[str, Any]]] = {}
    for decision in wait_for(recorded, 20, "the recorded decisions"):
        if f"/{SESSION}-" in decision["principal"]:
            name = iam_report.principal_name(decision["principal"])
            by_role.setdefault(name, []).append(decision)
    return {
        (label, act): _within(outcome, by_role.get(roles[label], []))
        for (label, act), outcome in done.items()
    }


def _within(outcome: Outcome, decisions: list[dict[str, Any]]) -> Outcome:
    fitting = tuple(
        decision
        for decision in decisions
        # Times are recorded to the millisecond.
        if round(outcome.started, 3) <= decision["time"] <= round(outcome.ended, 3)
    )
    return Outcome(outcome.refused, outcome.told, outcome.started, outcome.ended, fitting)
