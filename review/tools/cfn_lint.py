"""cfn-lint over the templates, with the repository's own ``.cfnlintrc.yaml``."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

from review.assembly import Assembly
from review.tools.home import run
from review.tools.model import ToolFinding

NAME = "cfn-lint"
# Bits of its exit code: errors 2, warnings 4, informational 8.
_ACCEPTED = (0, 2, 4, 6, 8, 10, 12, 14)


def findings(assembly: Assembly, folder: Path) -> tuple[str, list[ToolFinding]]:
    """Version and findings; ``folder`` holds the templates."""
    program = Path(sys.executable).with_name(NAME)
    templates = sorted(str(path) for path in folder.glob("*.template.json"))
    printed = run([str(program), "--format", "json", *templates], accepted=_ACCEPTED)
    return version(NAME), [_finding(assembly, match) for match in json.loads(printed or "[]")]


def _finding(assembly: Assembly, match: dict[str, object]) -> ToolFinding:
    stack = Path(str(match["Filename"])).name.removesuffix(".template.json")
    location = match["Location"]
    path = location.get("Path") or [] if isinstance(location, dict) else []
    logical_id = str(path[1]) if len(path) > 1 and path[0] == "Resources" else "template"
    rule = match["Rule"]
    assert isinstance(rule, dict)
    return ToolFinding(
        tool=NAME,
        rule=str(rule["Id"]),
        title=str(rule["ShortDescription"]),
        stack=stack,
        logical_id=logical_id,
        name=assembly.name(stack, logical_id),
        detail=str(match["Message"]),
    )
