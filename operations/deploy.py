"""``make deploy``: the cdk CLI, and a second pass for consumers of changed outputs.

Cross-stack references are weak: a stack reads another's output when it is deployed, and the CLI
skips a stack whose own template did not change. So after the first pass every stack that reads an
output whose value changed is deployed again with ``--force``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from core.names import Scope
from operations import named
from operations.assembly import consumed_outputs
from operations.cdk import ASSEMBLY, run_cdk
from operations.deployed import describe_stacks
from operations.preflight.answer import reason
from operations.preflight.before import preflight

Outputs = dict[str, dict[str, str]]


def stale_consumers(before: Outputs, after: Outputs, assembly: Mapping[str, Any]) -> list[str]:
    """Stacks that read an output whose value changed between two readings.

    A stack that did not exist before read the new values when it was created.
    """
    changed = {
        (stack, key)
        for stack, values in after.items()
        for key, value in values.items()
        if stack in before and before[stack].get(key) != value
    }
    return [
        stack
        for stack, template in assembly.items()
        if stack in before and changed.intersection(consumed_outputs(template))
    ]


def _outputs(cloudformation: Any, scope: Scope) -> Outputs:
    return {
        stack["StackName"]: {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        for stack in describe_stacks(cloudformation, scope)
    }


def _outputs_before(cloudformation: Any, scope: Scope) -> Outputs:
    """Outputs to compare with; who may not read them cannot deploy, and has changed nothing yet."""
    try:
        return _outputs(cloudformation, scope)
    except (BotoCoreError, ClientError) as error:
        typer.echo(
            f"Nothing was deployed: {reason(error)}. To find the consumers of changed outputs, "
            "make deploy needs cloudformation:DescribeStacks on all stacks",
            err=True,
        )
        raise typer.Exit(1) from None


def deploy(environment: str) -> None:
    """Ask first, synthesise once, deploy every stack, then force consumers of changed outputs."""
    settings = named.deployment(environment).settings
    assembly = preflight(settings)
    scope = settings.scope
    cloudformation = boto3.client("cloudformation", region_name=settings.region)
    before = _outputs_before(cloudformation, scope)
    run_cdk(["deploy", "--all", "--concurrency", "4", "--app", str(ASSEMBLY)])
    for _ in assembly:  # a chain of outputs is at most as long as there are stacks
        after = _outputs(cloudformation, scope)
        stale = stale_consumers(before, after, assembly)
        if not stale:
            return
        typer.echo(f"Outputs changed; deploying their consumers again: {', '.join(stale)}")
        selected = [scope.short_stack(name) for name in stale]
        run_cdk(["deploy", "--app", str(ASSEMBLY), "--exclusively", "--force", *selected])
        before = after


if __name__ == "__main__":
    typer.run(deploy)
