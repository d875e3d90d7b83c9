"""``make preflight``: ask the account what ``make deploy`` asks it first, and change nothing."""

from __future__ import annotations

import typer

from operations import named
from operations.preflight.before import preflight


def main(environment: str) -> None:
    """Print every answer; exit with 1 if any stops a deploy."""
    preflight(named.deployment(environment).settings)


if __name__ == "__main__":
    typer.run(main)
