"""The shape of ``report.json``.

A section that the run did not reach is ``null``: a number in the report was measured in that run.
Times are ISO 8601 UTC, durations seconds, latencies milliseconds, rates shares between 0 and 1.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the report; unknown keys are an error, so a renamed figure can't vanish."""

    model_config = ConfigDict(extra="forbid")


class Estimate(Part):
    """A metric with its confidence interval; the ends are absent where none was computed."""

    value: float
    low: float | None = None
    high: float | None = None


class Curve(Part):
    """Points of a curve, and how many observations stand behind each, where that is known."""

    x: list[float]
    y: list[float]
    rows: list[int] = []


class Metrics(Part):
    """What an evaluation found for one model on one set of flights."""

    log_loss: Estimate
    auc: Estimate | None = None
    calibration_error: Estimate | None = None
    rows: int


class Window(Part):
    """A span of event time."""

    start: str
    end: str


class ModelReport(Part):
    """One model: what it learnt from and how it did on its hold-out (later than its training)."""

    name: str
    kind: str
    package_arn: str
    training_window: Window | None
    rows: dict[str, int]
    holdout: Metrics | None
    trigger: str
    decision: Literal["promoted", "rejected", "seed", "failed"]
    reasons: list[str] = []


class Contender(Part):
    """One side of the comparison, with the curves that the page draws."""

    name: str
    training_window: Window | None
    metrics: Metrics
    roc: Curve | None = None
    calibration: Curve | None = None


class Comparison(Part):
    """Two models on the same later flights. ``difference`` is second minus first."""

    month: str
    first: Contender
    second: Contender
    difference: Estimate | None
    auc_difference: Estimate | None = None


class StreamRecords(Part):
    """Reconciliation of one stream; the first four count distinct ids, the rest copies."""

    sent: int
    curated: int
    rejected: int
    pending: int
    delivered: int
    sent_copies: int
    backup_copies: int
    duplicates: int
    duplicates_by_origin: dict[str, int]
    rejected_by_code: dict[str, int]
    planted: dict[str, int]
    agrees: bool


class Records(Part):
    """Events at the top level; ``labels`` counts distinct curated labels."""

    sent: int
    curated: int
    rejected: int
    pending: int
    delivered: int
    duplicates: int
    labels: int
    without_label: int
    by_stream: dict[str, StreamRecords]


class Resources(Part):
    """CloudFormation resources by how the platform treats their type."""

    executed: int
    emulated: int
    recorded: int
    by_type: dict[str, dict[str, Any]]


class VariantTraffic(Part):
    """Answers of one variant."""

    requests: int
    records: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None


class MonthTraffic(Part):
    """One month's requests."""

    month: str
    requests: int
    records: int
    errors: int
    by_variant: dict[str, int]


class Serving(Part):
    """API traffic as the client saw it, through API Gateway and back."""

    requests: int
    records: int
    errors: int
    by_variant: dict[str, VariantTraffic]
    p50_ms: float | None
    p99_ms: float | None
    by_month: list[MonthTraffic]
    errors_by_status: dict[str, int]
    sample: str


class MonthReport(Part):
    """What the monitor job said about one month."""

    month: str
    model: str
    labelled: int
    log_loss: Estimate | None
    auc: Estimate | None
    calibration_error: Estimate | None
    drift: dict[str, float]
    drifted: list[str]
    breached: bool
    reasons: list[str]
    criteria: list[str] = []
    """Every criterion in words, breached or not."""
    limits: dict[str, float] = {}
    """Limits by metric; they belong to the served model, so a roll-out may move them."""


class Alarm(Part):
    """The alarm on the monitor's criteria."""

    name: str
    fired: bool
    fired_at: str | None
    month: str | None
    reason: str
    started_execution: str | None


class Monitoring(Part):
    """All months, whether or not they are good news."""

    drifted_features: list[str]
    alarm: Alarm | None
    drift_threshold: float | None
    months: list[MonthReport]


class Iam(Part):
    """Authorisation decisions taken during the run."""

    principals_enforced: int
    calls: int
    denied: int
    unused_grants: int
    by_principal: list[dict[str, Any]] = []
    denials: list[dict[str, Any]] = []
    notes: list[str] = []


class Fault(Part):
    """A fault made on purpose and what followed."""

    name: str
    what: str
    outcome: str
    recovered: bool
    seconds: float | None = None


class Stack(Part):
    """One deployed stack and the stacks whose outputs it reads."""

    name: str
    resources: int
    by_handling: dict[str, int]
    services: dict[str, int]
    uses: list[str]


class Teardown(Part):
    """What destroying left behind; an empty list means nothing."""

    left: list[str]
    destroyed: list[str] = []
    complete: bool


class Phase(Part):
    """One phase; ``done`` is set by the runner when it returned, never by the phase itself."""

    name: str
    title: str
    status: Literal["done", "failed", "interrupted", "skipped"]
    start_s: float
    seconds: float
    error: str | None = None


class Moment(Part):
    """Something worth a mark on the timeline; ``at_s`` counts from the start of the run."""

    at_s: float
    kind: Literal["retraining", "alarm", "fault", "rollout", "data", "monitor"]
    title: str
    detail: str = ""
    until_s: float | None = None


class Report(Part):
    """Everything one run found."""

    version: Literal[1] = 1
    status: Literal["complete", "failed", "interrupted"]
    failed_phase: str | None
    reason: str | None
    started: str
    scale: str
    sampling: str
    corruption: str
    contract: str
    records: Records | None
    resources: Resources | None
    models: list[ModelReport]
    comparison: Comparison | None
    serving: Serving | None
    monitoring: Monitoring | None
    iam: Iam | None
    faults: list[Fault]
    stacks: list[Stack]
    differences: list[dict[str, Any]]
    teardown: Teardown | None
    phases: list[Phase]
    timeline: list[Moment]
    seconds: dict[str, float]
    notes: list[str] = []
