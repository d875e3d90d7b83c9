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
from review.tools.planted import planted, without

CDK_PATH = "aws:cdk:path"
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
        ToolError: one could not run, or found nothing in a stack made to fail.
    """
    known = list(exceptions(assembly))
    with TemporaryDirectory(prefix="millrace-review-") as name:
        folder = Path(name)
        looked_at = planted(assembly)
        write_templates(looked_at, folder)
        with ThreadPoolExecutor() as pool:  # each is a process of its own and waits for it
            started = {
                tool: pool.submit(checker, looked_at, folder)
                for tool, (checker, _) in CHECKERS.items()
            }
        answers = {tool: future.result() for tool, future in started.items()}
    return [
        ToolRun(tool, version, CHECKERS[tool][1], tuple(excused(without(tool, found), known)))
        for tool, (version, found) in answers.items()
    ]


def write_templates(assembly: Assembly, folder: Path) -> None:
    """The templates as the ``cdk`` CLI deploys them, but with other stacks' outputs as literals.

    The CLI writes each construct's path beside its resource, by which cfn-lint knows that zones
    come from the settings and not from somebody's keyboard.
    """
    for stack, template in assembly.templates.items():
        settled = without_stack_outputs(assembly, template)
        for logical_id, resource in settled.get("Resources", {}).items():
            path = {CDK_PATH: assembly.name(stack, logical_id)}
            resource["Metadata"] = path | resource.get("Metadata", {})
        (folder / f"{stack}.template.json").write_text(json.dumps(settled, indent=1))
