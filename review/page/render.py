"""Renders ``index.html``: one file that loads nothing, so it can be mailed, printed and kept."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pages.render import environment, style
from review.changes import BLOCKING, KINDS, WHAT_TO_DO, Change
from review.collect import PER_RESOURCE_AIM, TOTAL_AIM, Collected
from review.data import finding_rows, summary
from review.decisions import decided
from review.findings import Acknowledgement
from review.iam import wildcard_actions, wildcard_resources
from review.page.picture import picture

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(collected: Collected) -> str:
    """The page as HTML text."""
    templates = environment(TEMPLATES)
    templates.filters["setting"] = _setting
    script = (TEMPLATES / "filter.js").read_text("utf-8")
    text: str = templates.get_template("index.html.j2").render(
        style=style(TEMPLATES / "review.css"),
        script=Markup(script),  # noqa: S704 - our own file
        figure=Markup(picture(collected.network)),  # noqa: S704 - drawn here, escaped
        it=collected,
        summary=summary(collected),
        headline=headline(collected),
        **_parts(collected),
    )
    return text


def headline(collected: Collected) -> str:
    """The state of the deployment in one sentence."""
    openly = f"{collected.open} open" if collected.open else "none open"
    checked = "" if collected.tools is not None else ", checkers not run"
    if collected.changes is None:
        since = "never reviewed before"
    else:
        told = {0: "nothing changed", 1: "one change"}
        count = len(collected.changes)
        since = f"{told.get(count, f'{count} changes')} since the last review"
    findings = f"{len(collected.pack_findings)} findings on {collected.resources} resources"
    return f"{collected.environment}: {findings}, {openly}{checked}; {since}"


def _parts(collected: Collected) -> dict[str, Any]:
    found = list(collected.grants)
    return {
        "aims": {"per_resource": PER_RESOURCE_AIM, "total": TOTAL_AIM},
        "changes": _by_kind(collected.changes or []),
        "kinds": KINDS,
        "blocking": BLOCKING,
        "what_to_do": WHAT_TO_DO,
        "acknowledged": _acknowledged(collected),
        "open_rules": _open_rules(collected),
        "grants": found,
        "kinds_of_policy": sorted({grant.kind for grant in found}),
        "identity": _identity_counts(collected),
        "wildcards": {
            "actions": wildcard_actions(found),
            "resources": wildcard_resources(found),
        },
        "uses": collected.exercise.roles if collected.exercise else [],
        "keys": _by_key(collected),
        "classified": [column for column in collected.columns if column.classified],
    }


def _setting(value: object) -> str:
    """A settings value as a person writes it."""
    if isinstance(value, list):
        return ", ".join(map(_setting, value)) or "none"
    return {None: "not set", True: "yes", False: "no"}.get(value, str(value))  # type: ignore[call-overload,no-any-return]


def _by_kind(changes: list[Change]) -> dict[str, list[Change]]:
    return {kind: found for kind in KINDS if (found := [c for c in changes if c.kind == kind])}


def _acknowledged(collected: Collected) -> list[dict[str, Any]]:
    """Acknowledgements that share a reason, with their rules, resources and findings."""
    by_reason: dict[str, list[Acknowledgement]] = defaultdict(list)
    for entry in collected.review.acknowledgements:
        by_reason[entry.reason].append(entry)
    found = []
    for entries in by_reason.values():
        constraint, evidence, control = entries[0].parts
        covered = [
            f for f in collected.review.findings if any(entry.covers(f) for entry in entries)
        ]
        found.append(
            {
                "constraint": constraint,
                "evidence": evidence,
                "control": control,
                "decisions": sorted({adr for entry in entries for adr in decided(entry)}),
                "rules": sorted({entry.rule.partition("[")[0] for entry in entries}),
                "details": sorted({e.rule.partition("[")[2].rstrip("]") for e in entries} - {""}),
                "resources": sorted({entry.path for entry in entries}),
                "findings": len(covered),
            }
        )
    return sorted(found, key=lambda group: (-group["findings"], group["constraint"]))


def _open_rules(collected: Collected) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Open findings by source, rule and what the rule says."""
    found: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for row in finding_rows(collected):
        if row["state"] == "open":
            found[row["source"], row["rule"], row["detail"].partition(": ")[0]].append(row)
    return dict(sorted(found.items()))


def _identity_counts(collected: Collected) -> dict[str, int]:
    """Role → number of granted actions (with their resources counted once)."""
    counts: dict[str, int] = defaultdict(int)
    for grant in collected.grants:
        if grant.kind == "identity" and grant.effect == "Allow":
            counts[grant.holder] += len(grant.actions)
    return dict(counts)


def _by_key(collected: Collected) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for store in collected.encryption:
        counts[store.key] += 1
    return dict(sorted(counts.items(), key=lambda item: (item[0] == "service-owned", item[0])))
