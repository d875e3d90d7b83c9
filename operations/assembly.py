"""What was synthesised: templates of a cloud assembly and the outputs they read of each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STACK_ARTIFACT = "aws:cloudformation:stack"


def templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """Templates by CloudFormation stack name, in dependency order."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = [a["properties"] for a in artifacts.values() if a["type"] == STACK_ARTIFACT]
    return {
        stack["stackName"]: json.loads((assembly / stack["templateFile"]).read_text())
        for stack in stacks
    }


def bootstrap_needed(assembly: Path) -> tuple[str, int]:
    """SSM parameter that holds the version of the CDK's bootstrap, and the version needed."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = [a["properties"] for a in artifacts.values() if a["type"] == STACK_ARTIFACT]
    (parameter,) = {stack["bootstrapStackVersionSsmParameter"] for stack in stacks}
    return parameter, max(stack["requiresBootstrapStackVersion"] for stack in stacks)


def consumed_outputs(template: Any) -> Iterator[tuple[str, str]]:
    """Pairs (producing stack, output key) that a template reads through ``Fn::GetStackOutput``."""
    if isinstance(template, dict):
        reference = template.get("Fn::GetStackOutput")
        if isinstance(reference, dict):
            yield str(reference["StackName"]), str(reference["OutputName"])
        for value in template.values():
            yield from consumed_outputs(value)
    elif isinstance(template, list):
        for value in template:
            yield from consumed_outputs(value)
