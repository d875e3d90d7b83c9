"""Tells the phases in order; whatever happens, tears down and writes the report.

A phase is done when it returned. A phase that raised is the last one before the tear-down, and the
report names it: no phase is called done that was not.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.markup import escape

from local.demo.report.model import Phase
from local.demo.story import Story

Status = Literal["done", "failed", "interrupted", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """One phase: a stable name, what people read, and what runs."""

    name: str
    title: str
    run: Callable[[Story], None]
    needs_all: bool = False
    """Judges the story as a whole: skipped when a phase before it failed."""


@dataclass(slots=True)
class Told:
    """How far the story came."""

    phases: list[Phase] = field(default_factory=list)
    failure: Phase | None = None

    @property
    def status(self) -> Literal["complete", "failed", "interrupted"]:
        """``complete`` only if every phase is done."""
        if self.failure is None:
            return "complete"
        return "interrupted" if self.failure.status == "interrupted" else "failed"


def tell(story: Story, steps: Sequence[Step], closing: Sequence[Step]) -> Told:
    """Run ``steps`` until one fails, then ``closing`` in any case. Never raises for a phase.

    Of ``closing``, only what judges the whole story is skipped after a failure.
    """
    told, total = Told(), len(steps) + len(closing)
    for index, step in enumerate(steps, start=1):
        if told.failure is not None:
            told.phases.append(_skipped(story, step))
            continue
        _run(story, step, told, f"{index}/{total}")
    for index, step in enumerate(closing, start=len(steps) + 1):
        if step.needs_all and told.failure is not None:
            told.phases.append(_skipped(story, step))
            continue
        _run(story, step, told, f"{index}/{total}")
    return told


def _skipped(story: Story, step: Step) -> Phase:
    return Phase(
        name=step.name, title=step.title, status="skipped", start_s=story.elapsed(), seconds=0.0
    )


def _run(story: Story, step: Step, told: Told, place: str) -> None:
    story.console.print(f"[bold cyan]{place}[/bold cyan]  [bold]{step.title}[/bold]")
    start, status, error = story.elapsed(), "done", None
    began = time.monotonic()
    try:
        step.run(story)
    except KeyboardInterrupt:
        status, error = "interrupted", "interrupted by the user"
    except SystemExit as stopped:
        status, error = "failed", f"a command ended with {stopped.code}"
    except Exception as raised:
        status, error = "failed", f"{type(raised).__name__}: {raised}"
        (story.output / "failure.log").write_text(traceback.format_exc(), encoding="utf-8")
    spent = time.monotonic() - began
    phase = Phase(
        name=step.name, title=step.title, status=_status(status), start_s=start, seconds=spent,
        error=error,
    )  # fmt: skip
    told.phases.append(phase)
    if error is None:
        story.console.print(f"    [green]done[/green] [dim]{spent:.1f} s[/dim]")
        return
    story.console.print(f"    [red]{status}: {escape(error)}[/red]")
    if status == "interrupted" and told.failure is None:
        story.console.print("    tearing down; press Ctrl-C again to stop the platform as it is")
    told.failure = told.failure or phase


def _status(word: str) -> Status:
    if word == "interrupted":
        return "interrupted"
    return "failed" if word == "failed" else "done"
