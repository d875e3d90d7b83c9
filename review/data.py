"""The review as data: ``review.json`` for programs, two tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from review.changes import blocking
from review.collect import Collected
from review.decisions import decided
from review.iam import wildcard_actions, wildcard_resources


def summary(collected: Collected) -> dict[str, Any]:
    """The figures that a reviewer asks for first."""
    changes = collected.changes or []
    return {
        "environment": collected.environment,
        "resources": collected.resources,
        "findings": len(collected.pack_findings),
        "findings_per_resource": round(collected.per_resource, 3),
        "findings_by_pack": collected.by_pack,
        "acknowledgements": len(collected.facts.acknowledgements),
        "open": collected.open,
        "roles": len(collected.roles),
        "wildcard_actions": len(wildcard_actions(list(collected.grants))),
        "wildcard_resources": len(wildcard_resources(list(collected.grants))),
        "service_owned_keys": sum(1 for store in collected.encryption if not store.ours),
        "checkers": {
            run.tool: {"version": run.version, "findings": len(run.findings), "open": len(run.open)}
            for run in collected.tools or []
        },
        "changes": len(changes),
        "blocking_changes": len(blocking(changes)),
    }


def document(collected: Collected) -> dict[str, Any]:
    """Everything on the page, as plain JSON values."""
    network = collected.network
    return {
        "summary": summary(collected),
        "resources": collected.facts.resources,
        "findings": finding_rows(collected),
        "grants": [asdict(grant) for grant in collected.grants],
        "roles": [asdict(role) for role in collected.roles],
        "exercise": asdict(collected.exercise) if collected.exercise else None,
        "network": {
            "openings": [asdict(opening) for opening in collected.facts.openings],
            "reachability": [
                {"from": source, "to": target, "ports": ports}
                for (source, target), ports in sorted(network.ports.items())
            ],
            "workloads": [asdict(w) for held in network.groups.values() for w in held],
        },
        "encryption": [asdict(store) for store in collected.encryption],
        "columns": [asdict(column) for column in collected.columns],
        "stateful": [asdict(item) for item in collected.facts.stateful],
        "interface": collected.facts.interface,
        "changes": [asdict(c) for c in collected.changes]
        if collected.changes is not None
        else None,
    }


FINDING_COLUMNS = (
    "source", "rule", "detail", "resource", "state", "constraint", "evidence", "control",
    "decision",
)  # fmt: skip


def finding_rows(collected: Collected) -> list[dict[str, str]]:
    """One row for each finding of the packs and the checkers, open ones first."""
    rows = []
    for finding in collected.review.findings:
        rule, _, detail = finding.rule.partition("[")
        known = collected.review.acknowledgement(finding)
        answer = (*known.parts, " ".join(decided(known))) if known else ("", "", "", "")
        where = finding.path.removesuffix("/Resource")
        state = "acknowledged" if known else "open"
        values = (finding.pack, rule, detail.rstrip("]"), where, state, *answer)
        rows.append(dict(zip(FINDING_COLUMNS, values, strict=True)))
    for run in collected.tools or []:
        for found in run.findings:
            known_exception = found.exception
            reasons = (
                (known_exception.constraint, known_exception.evidence, known_exception.control)
                if known_exception
                else ("", "", "")
            )
            state = "excepted" if known_exception else "open"
            detail = f"{found.title}{f': {found.detail}' if found.detail else ''}"
            row = (run.tool, found.rule, detail, found.name, state, *reasons, "")
            rows.append(dict(zip(FINDING_COLUMNS, row, strict=True)))
    return sorted(rows, key=lambda row: (row["state"] != "open", *row.values()))


IAM_COLUMNS = ("holder", "kind", "effect", "action", "resource", "principal", "conditions")


def iam_rows(collected: Collected) -> Iterable[dict[str, str]]:
    """One row for each action, resource and principal of each statement."""
    for grant in collected.grants:
        for atom in grant.atoms():
            values = (
                atom.holder, atom.kind, atom.effect, atom.actions[0],
                atom.resources[0] if atom.resources else "",
                atom.principals[0] if atom.principals else "",
                "; ".join(map(str, atom.conditions)),
            )  # fmt: skip
            yield dict(zip(IAM_COLUMNS, values, strict=True))


def table(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    """Rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
