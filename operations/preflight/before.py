"""From settings to answers: who asks first, then a synth, then every other question."""

from __future__ import annotations

from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from config.settings import Settings
from core.names import Scope
from operations.assembly import bootstrap_needed, templates
from operations.cdk import ASSEMBLY, run_cdk
from operations.deployed import Deployed, NotRead
from operations.preflight import Inquiry, answers, show
from operations.preflight.caller import UnknownCallerError, account_of_caller, right_account


def _client(service: str, region: str) -> Any:
    clients: Any = boto3.client
    return clients(service, region_name=region)


def assert_caller(settings: Settings) -> None:
    """End with 1 and the reason unless the caller is known, and of the settings' account."""
    try:
        account = account_of_caller(lambda: _client("sts", settings.region))
    except UnknownCallerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    answer = right_account(settings, account)
    if answer.stops:
        show([answer], Console())
        raise typer.Exit(1)


def read_deployed(cloudformation: Any, scope: Scope) -> Deployed | NotRead:
    """What is there now, or why that is not known: questions that need it answer with that."""
    try:
        return Deployed.read(cloudformation, scope)
    except (BotoCoreError, ClientError) as error:
        return NotRead(error)


def preflight(settings: Settings) -> dict[str, Any]:
    """The synthesised templates; ends with 1, and every reason, if AWS would refuse them."""
    assert_caller(settings)
    environment = settings.environment
    run_cdk(["synth", "--quiet", "-c", f"env={environment}", "--output", str(ASSEMBLY)])
    assembly = templates(ASSEMBLY)
    scope = settings.scope
    deployed = read_deployed(_client("cloudformation", settings.region), scope)
    inquiry = Inquiry(settings, assembly, deployed, bootstrap_needed(ASSEMBLY), _client)
    if show(answers(inquiry), Console()):
        raise typer.Exit(1)
    return assembly
