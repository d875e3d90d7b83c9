"""What the phases share: the running platform, what is deployed, and what was found so far."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from config.load import load_deployment
from local.demo import auditor, producer
from local.demo.flights import Flights
from local.demo.ledger import Ledger
from local.demo.objects import Lake
from local.demo.report.model import (
    Comparison,
    Fault,
    Iam,
    ModelReport,
    Moment,
    MonthReport,
    Resources,
    Stack,
    Teardown,
)
from local.demo.traffic import Answer
from local.emulator.iam_report import Holder, Policies
from local.platform import ROOT, Platform
from operations.deployed import Deployed

ENVIRONMENT = "demo"
OUTPUT = ROOT / "out" / "demo"

MomentKind = Literal["retraining", "alarm", "fault", "rollout", "data", "monitor"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of the year is told: the share of flights, and how the API is asked."""

    name: str
    rate: float
    batch: int
    """Records in a batch request."""
    singles: int
    """Flights of each month that are asked for one by one."""
    months: range
    """Months that pass, with API traffic and the monitor, after January to March streamed in."""

    def rule(self) -> str:
        """The sampling rule, as the report states it."""
        if self.rate == 1:
            return "All flights."
        return (
            f"One flight in {round(1 / self.rate)}: those whose id's SHA-256, read as a fraction, "
            f"lies below {self.rate:g}."
        )


SCALES = {
    scale.name: scale
    for scale in (
        Scale("small", rate=0.1, batch=25, singles=40, months=range(4, 8)),
        Scale("full", rate=1.0, batch=100, singles=200, months=range(4, 13)),
    )
}


@dataclass(frozen=True, slots=True)
class Granted:
    """What was deployed of policies, kept for when the stacks are gone."""

    policies: Policies
    holders: dict[str, Holder]
    places: dict[str, tuple[str, str]]
    """Role name → stack and logical id."""


@dataclass(slots=True)
class Findings:
    """What the phases found; the report is made of this and of what CloudFormation knows."""

    counts: dict[str, Any] = field(default_factory=dict)
    without_label: int = 0
    models: list[ModelReport] = field(default_factory=list)
    months: list[MonthReport] = field(default_factory=list)
    alarm: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    comparison: Comparison | None = None
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    stacks: list[Stack] = field(default_factory=list)
    resources: Resources | None = None
    iam: Iam | None = None
    granted: Granted | None = None
    unused: list[str] = field(default_factory=list)
    """Grants that were neither used nor listed, in words."""
    teardown: Teardown | None = None
    notes: list[str] = field(default_factory=list)


class Story:
    """One telling. Phases read and add; they hold no state of their own."""

    def __init__(
        self, platform: Platform, scale: Scale, console: Console, folder: Path = OUTPUT
    ) -> None:
        self.platform, self.scale, self.console, self._folder = platform, scale, console, folder
        loaded = load_deployment(ENVIRONMENT, ROOT)
        self.settings, self.contract = loaded.settings, loaded.contract
        self.scope = self.settings.scope
        self.ledger = Ledger(
            {"events": self.contract["event"]["id_field"],
             "labels": self.contract["label"]["id_field"]},
            lambda: self.record_key,
        )  # fmt: skip
        self.findings = Findings()
        self.timeline: list[Moment] = []
        self.started = datetime.now(UTC)
        self._origin = time.monotonic()
        self._deployed: Deployed | None = None
        self._auditor: dict[str, str] | None = None
        self._producer: dict[str, str] | None = None
        self._record_key: bytes | None = None
        self._lake: Lake | None = None
        self._flights: Flights | None = None

    def client(self, service: str) -> Any:
        """A boto3 client as the operator."""
        return self.platform.client(service)

    @property
    def deployed(self) -> Deployed:
        """Names of what is deployed, read from CloudFormation once."""
        if self._deployed is None:
            self._deployed = Deployed.read(self.client("cloudformation"), self.scope)
        return self._deployed

    def forget_deployed(self) -> None:
        """Read the names again on the next use."""
        self._deployed = None

    @property
    def lake(self) -> Lake:
        """A reader of objects and tables, under a role of its own, that opens each once."""
        if self._lake is None:
            session = self.auditor
            self._lake = Lake(lambda name: self.platform.client(name, session), self.record_key)
        return self._lake

    @property
    def auditor(self) -> dict[str, str]:
        """The session of the role that recounts, as ``AWS_…`` variables."""
        if self._auditor is None:
            self._auditor = auditor.create(self.platform, self.scope, self.deployed)
        return self._auditor

    @property
    def producer(self) -> dict[str, str]:
        """The session of the role that sends records, as ``AWS_…`` variables."""
        if self._producer is None:
            self._producer = producer.session(self.platform, self.deployed)
        return self._producer

    @property
    def record_key(self) -> bytes:
        """The key behind the ids of records that bring none, derived once."""
        if self._record_key is None:
            self._record_key = auditor.record_key(self.platform, self.deployed, self.auditor)
        return self._record_key

    @property
    def flights(self) -> Flights:
        """The sampled flights."""
        if self._flights is None:
            self._flights = Flights(self.scale.rate)
        return self._flights

    def elapsed(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._origin

    def say(self, words: str) -> None:
        """One line of progress."""
        self.console.print(f"    {words}", highlight=False)

    def mark(self, kind: MomentKind, title: str, detail: str = "") -> None:
        """Note a moment for the timeline, and say it."""
        self.timeline.append(Moment(at_s=self.elapsed(), kind=kind, title=title, detail=detail))
        self.say(f"[bold]{title}[/bold]" + (f": {detail}" if detail else ""))

    @contextmanager
    def timed(self, words: str) -> Iterator[None]:
        """Say what is done and how long it took."""
        start = time.monotonic()
        with self.console.status(f"{words} …"):
            yield
        self.say(f"{words} [dim]{time.monotonic() - start:.1f} s[/dim]")

    @property
    def output(self) -> Path:
        """Where the report goes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder
