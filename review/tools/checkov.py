"""checkov over the templates."""

from __future__ import annotations

import json
from pathlib import Path

from review.assembly import Assembly
from review.tools.home import BINARIES, run
from review.tools.model import ToolFinding

NAME = "checkov"


def findings(assembly: Assembly, folder: Path) -> tuple[str, list[ToolFinding]]:
    """Version and findings; ``folder`` holds the templates."""
    report = json.loads(
        run(
            [
                str(BINARIES / "checkov"), "--directory", str(folder),
                "--framework", "cloudformation", "--output", "json",
                "--compact", "--quiet", "--skip-download",
            ],
            accepted=(0, 1),
        )
    )  # fmt: skip
    failed = report.get("results", {}).get("failed_checks", [])
    return report.get("summary", report)["checkov_version"], [
        _finding(assembly, check) for check in failed
    ]


def _finding(assembly: Assembly, check: dict[str, object]) -> ToolFinding:
    stack = Path(str(check["file_path"])).name.removesuffix(".template.json")
    logical_id = str(check["resource"]).rpartition(".")[2]
    return ToolFinding(
        tool=NAME,
        rule=str(check["check_id"]),
        title=str(check["check_name"]),
        stack=stack,
        logical_id=logical_id,
        name=assembly.name(stack, logical_id),
    )
