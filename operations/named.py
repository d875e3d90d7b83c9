"""The deployment that a command line names."""

from __future__ import annotations

import typer

from config.load import Deployment, load_deployment
from config.problems import ConfigurationError
from operations.cdk import ROOT


def deployment(environment: str) -> Deployment:
    """Load it; end with 1 and every mistake of its files, without a traceback."""
    try:
        return load_deployment(environment, ROOT)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
