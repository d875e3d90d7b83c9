"""``make demo``: deploy, tell the story, tear down, and leave a report in ``out/demo``."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from local.demo import finish
from local.demo.flights import NAMES
from local.demo.phases import compare, deploy, ingest, months, retrain, schedules, seed, teardown
from local.demo.runner import Step, Told, tell
from local.demo.story import OUTPUT, SCALES, Story
from local.platform import Platform, PlatformError

DEFAULT_SCALE = "small"
WAIT_SCALE_VARIABLE, WAIT_SCALE = "SFN_WAIT_SCALE", "0.2"
WAITS = (
    "Wait states and retry intervals of Step Functions last {scale} of their length in this run "
    "(an option of the emulator); the state machines deployed are those of AWS."
)


def steps(months_told: Sequence[int]) -> list[Step]:
    """The phases in order; the tear-down is not among them, it always runs.

    The comparison needs July, so it is told only if July is.
    """
    changed = months.UNITS_IN if months.UNITS_IN in months_told else months_told[-1]
    comparison = Step("compare", "Winter model against spring model", compare.compare_on_july)
    return [
        Step("bootstrap", "Bootstrap the account", deploy.bootstrap),
        Step("deploy", "Deploy every stack", deploy.deploy),
        Step("seed", "The seed model answers", seed.ask_seed),
        Step("ingest", "January to March stream in", ingest.stream_winter),
        Step("retrain", "Curate, reconcile, retrain", retrain.first_retraining),
        *(
            Step(
                NAMES[n - 1].lower(),
                f"{NAMES[n - 1]} passes",
                months.tell(n, other_units=n == changed),
            )
            for n in months_told
        ),
        Step("schedules", "Schedules fall due", schedules.tell),
        *([comparison] if compare.JULY in months_told else []),
    ]


def closing(keep: bool) -> list[Step]:
    """What runs whatever happened."""
    collect = Step("collect", "Collect what was recorded", finish.collect)
    destroy = Step("teardown", "Tear down", teardown.destroy)
    return [
        collect,
        *([] if keep else [destroy]),
        Step("permissions", "Calls against grants", finish.permissions),
        Step("grants", "Every grant is used or listed", finish.assert_grants, needs_all=True),
    ]


def run(scale: str, keep: bool, console: Console) -> Told:
    """One telling with its own platform. Returns how far it came."""
    # Step Functions waits between polls and before retries; AWS keeps the full length.
    os.environ.setdefault(WAIT_SCALE_VARIABLE, WAIT_SCALE)
    platform = Platform()
    with console.status("starting the local platform …"):
        platform.start()
    try:
        story = Story(platform, SCALES[scale], console)
        story.findings.notes.append(WAITS.format(scale=os.environ[WAIT_SCALE_VARIABLE]))
        told = tell(story, steps(story.scale.months), closing(keep))
        finish.write(story, told)
        if keep:
            input("The platform is up; press Enter to stop it. ")
        return told
    finally:
        platform.stop()


def main(
    scale: Annotated[str, typer.Option(help=f"One of {', '.join(SCALES)}.")] = "",
    keep: Annotated[bool, typer.Option(help="Leave everything up until Enter.")] = False,
) -> None:
    """Run the whole loop on this machine with real flights."""
    # A terminated demo ends as an interrupted one does: tear-down, report, no process left. A shell
    # starts background jobs with SIGINT ignored, so both are set.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    chosen = (scale or os.environ.get("SCALE") or DEFAULT_SCALE).lower()
    if chosen not in SCALES:
        raise typer.BadParameter(f"{chosen!r}; allowed: {', '.join(SCALES)}")
    console = Console()
    try:
        told = run(chosen, keep, console)
    except PlatformError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    except KeyboardInterrupt as stopped:
        console.print("[red]interrupted[/red]: the platform is stopped")
        raise typer.Exit(130) from stopped
    console.print(f"report: {OUTPUT / 'report.html'} and report.json")
    if told.status != "complete":
        raise typer.Exit(130 if told.status == "interrupted" else 1)


if __name__ == "__main__":
    typer.run(main)
