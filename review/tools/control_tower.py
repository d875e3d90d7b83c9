"""The AWS Control Tower proactive controls, as rules of cfn-guard, over the templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from review.assembly import Assembly
from review.tools.home import guard, run
from review.tools.model import ToolFinding

NAME = "control-tower"
# cfn-guard ends with 19 when a template does not comply, with 5 on other errors.
_NOT_COMPLIANT = 19
_CONTROL = re.compile(r"\[(CT\.[A-Z0-9.]+)\]: (.+)")
_RESOURCE = re.compile(r"^/Resources/([^/]+)")


def findings(assembly: Assembly, folder: Path) -> tuple[str, list[ToolFinding]]:
    """Version and findings; ``folder`` holds the templates."""
    program, rules = guard()
    version = run([str(program), "--version"]).split()[-1]
    printed = run(
        [
            str(program), "validate", "--rules", str(rules), "--data", str(folder),
            "--output-format", "json", "--structured", "--show-summary", "none",
        ],
        accepted=(0, _NOT_COMPLIANT),
    )  # fmt: skip
    found = [
        finding
        for report in json.loads(printed)
        for broken in report["not_compliant"]
        for finding in _findings(assembly, Path(report["name"]), broken)
    ]
    return f"cfn-guard {version}", found


def _findings(assembly: Assembly, template: Path, broken: dict[str, Any]) -> Iterator[ToolFinding]:
    """One rule's failure names its control in a message and its resources in paths below it."""
    stack = template.name.removesuffix(".template.json")
    controls = {match.groups() for text in _members(broken, "custom_message")
                if (match := _CONTROL.search(text))}  # fmt: skip
    resources = {match[1] for text in _members(broken, "path") if (match := _RESOURCE.match(text))}
    for rule, title in sorted(controls):
        for logical_id in sorted(resources):
            yield ToolFinding(
                tool=NAME,
                rule=rule,
                title=title.strip(),
                stack=stack,
                logical_id=logical_id,
                name=assembly.name(stack, logical_id),
            )


def _members(value: Any, name: str) -> Iterator[str]:
    """Every text under a member of that name, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == name and isinstance(item, str):
                yield item
            else:
                yield from _members(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, name)
