"""``python -m review --env prod`` writes the page; ``--accept`` takes what is now as reviewed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from config.load import REPOSITORY
from config.problems import ConfigurationError
from review import data, facts, sarif
from review.changes import HARMLESS, WHAT_TO_DO, blocking
from review.collect import Collected, collect
from review.page.render import render
from review.tools.model import ToolError

OUTPUT = REPOSITORY / "out" / "review"


def main(
    env: Annotated[str, typer.Option(help="settings file: config/<env>.yaml")] = "prod",
    accept: Annotated[bool, typer.Option(help="take what is now as reviewed")] = False,
    tools: Annotated[bool, typer.Option(help="run the checkers too")] = True,
    strict: Annotated[bool, typer.Option(help="fail on open findings and unnamed changes")] = False,
    output: Annotated[Path, typer.Option(help="folder to write to")] = OUTPUT,
) -> None:
    """Review one deployment from its templates."""
    try:
        with _quiet():
            collected = collect(env, with_tools=tools)
    except (ConfigurationError, ToolError) as error:
        sys.exit(str(error))
    if accept:
        facts.write(collected.facts, facts.baseline_path(env))
    write(collected, output)
    tell(collected, output, accepted=accept)
    unanswered = collected.open or collected.unused_exceptions
    if strict and (unanswered or (not accept and _unnamed(collected))):
        sys.exit(1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the CDK's own process writes to standard error unless the build fails.

    Without acknowledgements in force its validation prints every finding, which the page shows.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def write(collected: Collected, output: Path) -> None:
    """Write the page, JSON, both tables and SARIF."""
    output.mkdir(parents=True, exist_ok=True)
    files = {
        "index.html": render(collected),
        "review.json": json.dumps(data.document(collected), indent=1) + "\n",
        "findings.csv": data.table(data.FINDING_COLUMNS, data.finding_rows(collected)),
        "iam.csv": data.table(data.IAM_COLUMNS, data.iam_rows(collected)),
        "review.sarif": json.dumps(sarif.document(collected), indent=1) + "\n",
    }
    for name, text in files.items():
        (output / name).write_text(text, encoding="utf-8")


def tell(collected: Collected, output: Path, *, accepted: bool) -> None:
    """The outcome in a few lines."""
    found = data.summary(collected)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"{collected.environment}: {found['findings']} findings of six packs before "
        f"acknowledgements on {found['resources']} resources "
        f"({found['findings_per_resource']:.2f} each); {found['open']} open with the checkers'"
    )
    for name, run in found["checkers"].items():
        console.print(f"  {name} {run['version']}: {run['findings']} findings, {run['open']} open")
    if accepted:
        console.print(
            f"accepted: {facts.baseline_path(collected.environment).relative_to(REPOSITORY)}"
        )
    elif collected.changes is None:
        console.print("never reviewed: ACCEPT=yes writes the first baseline")
    else:
        for change in collected.changes:
            if change.kind not in HARMLESS:
                console.print(f"  {change}")
        for kind in WHAT_TO_DO:
            if any(change.kind == kind for change in collected.changes):
                console.print(f"  {kind}, what to do: {WHAT_TO_DO[kind]}")
        for kind in HARMLESS:
            count = sum(1 for change in collected.changes if change.kind == kind)
            if count:
                console.print(f"  {kind}: {count}, on the page")
    console.print(output / "index.html")


def _unnamed(collected: Collected) -> bool:
    return collected.changes is None or bool(blocking(collected.changes))


if __name__ == "__main__":
    typer.run(main)
