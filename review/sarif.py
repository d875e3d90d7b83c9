"""Findings as SARIF 2.1.0, the form in which code hosts take them.

A finding that is acknowledged or excepted is a suppressed result with its justification, so a
viewer shows it as answered and not as gone. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

import json
from typing import Any

from review.collect import Collected
from review.findings import PACK_NAMES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(collected: Collected) -> dict[str, Any]:
    """One run for each pack and each checker."""
    lines = _Lines(collected)
    runs = [_pack(collected, name, lines) for name in PACK_NAMES.values()]
    runs += [_tool(run, lines) for run in collected.tools or []]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}


class _Lines:
    """Where each resource starts in its template, as the CDK writes it."""

    def __init__(self, collected: Collected) -> None:
        self._found: dict[tuple[str, str], int] = {}
        self._by_name: dict[str, tuple[str, str]] = {}
        for stack, template in collected.assembly.templates.items():
            written = json.dumps(template, indent=1).splitlines()
            starts = {line.strip(): number for number, line in enumerate(written, 1)}
            for logical_id in template.get("Resources", {}):
                self._found[stack, logical_id] = starts.get(f'"{logical_id}": {{', 1)
        for (stack, logical_id), name in collected.assembly.names.items():
            self._by_name.setdefault(name, (stack, logical_id))

    def location(self, stack: str, logical_id: str, name: str) -> dict[str, Any]:
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": f"cdk.out/{stack}.template.json"},
                "region": {"startLine": self._found.get((stack, logical_id), 1)},
            },
            "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
        }

    def of_path(self, path: str) -> dict[str, Any]:
        """Location of a construct path as the packs give it."""
        name = path.removesuffix("/Resource")
        stack, logical_id = self._by_name.get(name, (path.partition("/")[0], ""))
        return self.location(stack, logical_id, name)


def _pack(collected: Collected, name: str, lines: _Lines) -> dict[str, Any]:
    results, rules = [], {}
    for finding in collected.review.findings:
        if finding.pack != name:
            continue
        rule, _, detail = finding.rule.partition("[")
        rules[rule] = rule
        known = collected.review.acknowledgement(finding)
        message = f"{finding.path.removesuffix('/Resource')}: {rule}"
        message += f" ({detail.rstrip(']')})" if detail else ""
        reason = known.reason if known else None
        results.append(_result(rule, message, lines.of_path(finding.path), reason))
    return _run(f"cdk-nag {name}", None, rules, results)


def _tool(run: Any, lines: _Lines) -> dict[str, Any]:
    results, rules = [], {}
    for finding in run.findings:
        rules[finding.rule] = finding.title
        known = finding.exception
        reason = f"{known.constraint} {known.evidence} {known.control}" if known else None
        message = f"{finding.name}: {finding.title}"
        message += f" ({finding.detail})" if finding.detail else ""
        location = lines.location(finding.stack, finding.logical_id, finding.name)
        results.append(_result(finding.rule, message, location, reason))
    return _run(run.tool, run.version, rules, results)


def _result(
    rule: str, message: str, location: dict[str, Any], reason: str | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": rule,
        "level": "note" if reason else "warning",
        "message": {"text": message},
        "locations": [location],
    }
    if reason:
        found["suppressions"] = [{"kind": "inSource", "justification": reason}]
    return found


def _run(
    name: str, version: str | None, rules: dict[str, str], results: list[dict[str, Any]]
) -> dict[str, Any]:
    driver: dict[str, Any] = {
        "name": name,
        "rules": [
            {"id": rule, "shortDescription": {"text": title}}
            for rule, title in sorted(rules.items())
        ],
    }
    if version:
        driver["version"] = version
    return {"tool": {"driver": driver}, "results": results}
