"""``python -m local.cli``: keep the local platform up, look at it, take it down.

``up`` stays in the foreground: Ctrl-C ends the platform and everything it started.
"""

from __future__ import annotations

import json
import shlex
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from config.contract import example_record
from config.load import Deployment, load_deployment
from config.problems import ConfigurationError
from core import names
from local.emulator import classification
from local.platform import Platform, PlatformError
from model_code import tasks
from stacks import registry

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console()
StateDir = Annotated[
    Path | None, typer.Option(help="Directory of the platform's state (default: out/local).")
]


def _stop_on_signal(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@app.command()
def up(
    environment: Annotated[str, typer.Option("--env", help="Settings file to deploy.")] = "demo",
    deploy: Annotated[bool, typer.Option(help="Deploy the stacks.")] = True,
    state_dir: StateDir = None,
) -> None:
    """Start the platform, deploy, print how to call it, and keep running."""
    signal.signal(signal.SIGTERM, _stop_on_signal)
    try:
        deployment = load_deployment(environment)
        with Platform(state_dir, region=deployment.settings.region) as platform:
            _prepare(platform, deployment if deploy else None)
            _print_access(platform, deployment)
            _wait(platform)
    except (PlatformError, ConfigurationError) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped")


def _prepare(platform: Platform, deployment: Deployment | None) -> None:
    assert platform.info is not None
    console.print(f"emulator answers at {platform.info.endpoint} (account {platform.info.account})")
    with console.status("cdk bootstrap"):
        platform.bootstrap()
    if deployment is None:
        return
    environment = deployment.settings.environment
    for capability in registry.parts("here"):
        capability.bring(platform, deployment.settings)
    started = time.monotonic()
    with console.status(f"cdk deploy --all -c env={environment}"):
        platform.deploy(environment, capture=True)
    console.print(f"deployed [bold]{environment}[/bold] in {time.monotonic() - started:.0f} s")
    _print_resources(platform)


def _wait(platform: Platform) -> None:
    console.print("Ctrl-C here, or `make local-down` elsewhere, stops the platform.")
    info = platform.info
    while info is not None and info.alive():
        time.sleep(0.5)


def _print_resources(platform: Platform) -> None:
    found = classification.summary(
        classification.deployed_resources(platform.client("cloudformation"))
    )
    table = Table("class", "resources", "types", title="what was deployed")
    for kind in classification.CLASSES:
        types = [name for name, entry in found["by_type"].items() if entry["class"] == kind]
        names = ", ".join(name.removeprefix("AWS::") for name in types)
        table.add_row(kind, str(found[kind]), names)
    console.print(table)


def api_urls(platform: Platform) -> dict[str, str]:
    """API name → base URL of its first stage, addressed by path on the platform's port."""
    assert platform.info is not None
    client: Any = platform.client("apigateway")
    found = {}
    for api in client.get_rest_apis()["items"]:
        stages = client.get_stages(restApiId=api["id"])["item"]
        if stages:
            base = f"{platform.info.endpoint}/_aws/execute-api/{api['id']}"
            found[api["name"]] = f"{base}/{stages[0]['stageName']}"
    return found


def calls(url: str, region: str, contract: dict[str, Any]) -> list[str]:
    """Ready shell lines: whether a model is there, and a prediction of the contract's example."""
    record = shlex.quote(json.dumps(example_record(contract["event"])))
    user = '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    sign = f"--aws-sigv4 aws:amz:{region}:execute-api {user}"
    curl = f'curl --cacert "$AWS_CA_BUNDLE" {sign}'
    body = f"-H 'Content-Type: application/json' -d {record}"
    return [f"{curl} {url}{names.ROUTE_HEALTH}", f"{curl} {body} {url}{names.ROUTE_PREDICTIONS}"]


def _seed_answer(contract: dict[str, Any]) -> dict[str, Any]:
    task = tasks.of(contract)
    return task.answer(task.seed)


def _print_access(platform: Platform, deployment: Deployment) -> None:
    """Plain lines, so that they can be copied or piped into a shell."""
    assert platform.info is not None
    urls = api_urls(platform)
    for name, url in urls.items():
        console.print(f"API [bold]{name}[/bold]: {url}", soft_wrap=True)
    console.rule("credentials to sign with")
    for name, value in platform.environment().items():
        console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True, highlight=False)
    console.rule("try")
    for url in urls.values():
        for model in deployment.models:
            base = f"{url}/{model.settings.model}"
            for line in calls(base, platform.info.region, model.contract):
                console.print(line, soft_wrap=True, highlight=False, markup=False)
            seed = json.dumps(_seed_answer(model.contract))
            words = f"# Until {model.settings.model} is trained, its seed answers {seed} to all."
            console.print(words, highlight=False)
    console.print(".venv/bin/python -m local.cli status", highlight=False)
    listing = "import boto3; print(*boto3.resource('s3').buckets.all(), sep='\\n')"
    console.print(f'.venv/bin/python -c "{listing}"', soft_wrap=True, highlight=False)


@app.command()
def down(state_dir: StateDir = None) -> None:
    """Stop the platform started in this repository, and what a crashed one left."""
    platform = Platform.running(state_dir)
    (platform or Platform(state_dir)).stop()
    console.print("stopped" if platform else "no platform was running")


@app.command()
def status(state_dir: StateDir = None) -> None:
    """Say whether a platform runs, where, and what is deployed."""
    platform = Platform.running(state_dir)
    if platform is None or platform.info is None:
        console.print("no platform is running")
        raise typer.Exit(1)
    console.print(f"{platform.info.endpoint} (pid {platform.info.pid})")
    client: Any = platform.client("cloudformation")
    table = Table("stack", "status")
    for stack in client.describe_stacks()["Stacks"]:
        table.add_row(stack["StackName"], stack["StackStatus"])
    console.print(table)
    _print_resources(platform)


if __name__ == "__main__":
    app()
