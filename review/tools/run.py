"""All checkers over one deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from review.assembly import Assembly
from review.concrete import without_stack_outputs
from review.tools import cfn_lint, checkov, control_tower, parliament
from review.tools.model import ToolFinding, ToolRun, exceptions, excused

Checker = Callable[[Assembly, Path], tuple[str, list[ToolFinding]]]
CHECKERS: dict[str, tuple[Checker, str]] = {
    checkov.NAME: (checkov.findings, "the templates"),
    cfn_lint.NAME: (cfn_lint.findings, "the templates"),
    control_tower.NAME: (control_tower.findings, "the templates"),
    parliament.NAME: (parliament.findings, "managed, inline and trust policies, and the boundary"),
}


def run_all(assembly: Assembly) -> list[ToolRun]:
    """Run every checker.

    Raises:
        ToolError: one could not run.
    """
    known = list(exceptions(assembly))
    with TemporaryDirectory(prefix="millrace-review-") as name:
        folder = Path(name)
        write_templates(assembly, folder)
        with ThreadPoolExecutor() as pool:  # each is a process of its own and waits for it
            started = {
                tool: pool.submit(checker, assembly, folder)
                for tool, (checker, _) in CHECKERS.items()
            }
        answers = {tool: future.result() for tool, future in started.items()}
    return [
        ToolRun(tool, version, CHECKERS[tool][1], tuple(excused(found, known)))
        for tool, (version, found) in answers.items()
    ]


def write_templates(assembly: Assembly, folder: Path) -> None:
    """The templates with outputs of other stacks as literals, for tools that read files."""
    for stack, template in assembly.templates.items():
        settled = without_stack_outputs(assembly, template)
        (folder / f"{stack}.template.json").write_text(json.dumps(settled, indent=1))
