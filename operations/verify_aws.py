"""``make verify-aws``: test a real deployment against what docs/first-deploy.md claims."""

from __future__ import annotations

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException
from rich.console import Console
from rich.table import Table

from operations import named
from operations.checks import CHECKS
from operations.deployed import NotDeployedError
from operations.preflight.before import assert_caller
from operations.subject import CheckFailedError, Subject

# RequestException: an API that cannot be reached.
FAILURES = (
    CheckFailedError, NotDeployedError, ClientError, BotoCoreError, RequestException, KeyError,
)  # fmt: skip


def verify(subject: Subject) -> list[tuple[str, bool, str]]:
    """Run every check; a check that can't run has failed, with the reason."""
    results = []
    for check in CHECKS:
        try:
            results.append((check.__name__, True, check(subject)))
        except FAILURES as error:
            results.append((check.__name__, False, f"{type(error).__name__}: {error}"))
    return results


def main(environment: str) -> None:
    """Print one line a claim; exit with 1 if any does not hold."""
    deployment = named.deployment(environment)
    assert_caller(deployment.settings)
    session = boto3.Session(region_name=deployment.settings.region)
    probe = Subject(deployment, session, api_url="")
    try:
        api = probe.deployed.rest_api()
    except FAILURES as error:
        typer.echo(f"The API is not found, so nothing can be tested: {error}", err=True)
        raise typer.Exit(1) from None
    host = f"{api}.execute-api.{deployment.settings.region}.amazonaws.com"
    results = verify(Subject(deployment, session, api_url=f"https://{host}/v1"))
    table = Table("claim", "holds", "seen")
    for name, holds, seen in results:
        table.add_row(name.replace("_", " "), "yes" if holds else "NO", seen)
    Console().print(table)
    raise SystemExit(not all(holds for _, holds, _ in results))


if __name__ == "__main__":
    typer.run(main)
