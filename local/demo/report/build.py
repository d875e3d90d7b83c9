"""Makes the report out of what the phases found; nothing here is measured, only arranged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from config.differences import differences
from config.load import load_deployment
from local.demo import corruption
from local.demo.reconcile import StreamCount
from local.demo.report.model import (
    Alarm,
    Monitoring,
    MonthTraffic,
    Records,
    Report,
    Serving,
    StreamRecords,
    VariantTraffic,
)
from local.demo.runner import Told
from local.demo.story import Story
from local.demo.traffic import Answer
from local.platform import ROOT

COMPARED_WITH = "dev"


def build(story: Story, told: Told) -> Report:
    """The whole report; sections that were not reached are None."""
    findings, failure = story.findings, told.failure
    return Report(
        status=told.status,
        failed_phase=failure.title if failure else None,
        reason=failure.error if failure else None,
        started=story.started.strftime("%Y-%m-%d %H:%M UTC"),
        scale=story.scale.name,
        sampling=story.scale.rule(),
        corruption=corruption.RULE,
        contract=f"{story.contract['name']} {story.contract['version']}",
        records=_records(story),
        resources=findings.resources,
        models=findings.models,
        comparison=findings.comparison,
        serving=_serving(story),
        monitoring=_monitoring(story),
        iam=findings.iam,
        faults=findings.faults,
        stacks=findings.stacks,
        differences=_differences(story),
        teardown=findings.teardown,
        phases=told.phases,
        timeline=sorted(story.timeline, key=lambda moment: moment.at_s),
        seconds=_seconds(story, told),
        notes=findings.notes,
    )


def _seconds(story: Story, told: Told) -> dict[str, float]:
    spent = {p.name: round(p.seconds, 2) for p in told.phases if p.status != "skipped"}
    return spent | {"total": round(story.elapsed(), 2)}


def _records(story: Story) -> Records | None:
    counts: dict[str, StreamCount] = story.findings.counts
    if not counts:
        return None
    events, labels = counts["events"], counts["labels"]
    return Records(
        sent=events.sent,
        curated=events.curated,
        rejected=events.rejected,
        pending=events.pending,
        delivered=events.delivered,
        duplicates=events.duplicates,
        labels=labels.curated,
        without_label=story.findings.without_label,
        by_stream={stream: _stream(found) for stream, found in counts.items()},
    )


def _stream(found: StreamCount) -> StreamRecords:
    shared = set(StreamRecords.model_fields) - {"agrees"}
    return StreamRecords(**{name: getattr(found, name) for name in shared}, agrees=found.agrees)


def _serving(story: Story) -> Serving | None:
    by_month = story.findings.answers
    answers = [answer for found in by_month.values() for answer in found]
    if not answers:
        return None
    return Serving(
        requests=len(answers),
        records=_predicted(answers),
        errors=sum(not answer.good for answer in answers),
        by_variant={name: _variant(found) for name, found in _grouped(answers).items()},
        p50_ms=percentile(answers, 0.5),
        p99_ms=percentile(answers, 0.99),
        by_month=[_month(month, found) for month, found in by_month.items()],
        errors_by_status=_statuses(answers),
        sample=(
            f"Every sampled flight of {_span(by_month)} was asked for: {story.scale.singles} a "
            f"month one by one, the rest {story.scale.batch} at a time; what failed was asked "
            "again. The endpoint drew the variant by weight."
        ),
    )


def _span(months: Iterable[str]) -> str:
    """``April to July``; one month alone is named once."""
    names = list(months)
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _grouped(answers: list[Answer]) -> dict[str, list[Answer]]:
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.variant, []).append(answer)
    return dict(sorted(groups.items()))


def _predicted(answers: list[Answer]) -> int:
    return sum(answer.records for answer in answers if answer.good)


def _variant(answers: list[Answer]) -> VariantTraffic:
    return VariantTraffic(
        requests=len(answers),
        records=_predicted(answers),
        errors=sum(not answer.good for answer in answers),
        p50_ms=percentile(answers, 0.5),
        p99_ms=percentile(answers, 0.99),
    )


def _month(month: str, answers: list[Answer]) -> MonthTraffic:
    return MonthTraffic(
        month=month,
        requests=len(answers),
        records=_predicted(answers),
        errors=sum(not answer.good for answer in answers),
        by_variant={name: len(found) for name, found in _grouped(answers).items()},
    )


def _statuses(answers: list[Answer]) -> dict[str, int]:
    found: dict[str, int] = {}
    for answer in answers:
        if not answer.good:
            name = str(answer.status) if answer.status else "no answer"
            found[name] = found.get(name, 0) + 1
    return found


def percentile(answers: list[Answer], share: float) -> float | None:
    """Latency of answered requests at a share (nearest rank), or None without any."""
    times = sorted(answer.milliseconds for answer in answers if answer.good)
    if not times:
        return None
    rank = max(1, -(-len(times) * share // 1))
    return round(times[int(rank) - 1], 1)


def _monitoring(story: Story) -> Monitoring | None:
    findings = story.findings
    if not findings.months:
        return None
    drifted = {name for month in findings.months for name in month.drifted}
    alarm: dict[str, Any] = findings.alarm
    quiet = Alarm(
        name="", fired=False, fired_at=None, month=None, reason="", started_execution=None
    )
    return Monitoring(
        drifted_features=sorted(drifted),
        alarm=Alarm(fired=True, **alarm) if alarm else quiet,
        drift_threshold=story.contract["monitoring"]["populationStabilityIndex"],
        months=findings.months,
    )


def _differences(story: Story) -> list[dict[str, Any]]:
    base = load_deployment(COMPARED_WITH, ROOT).settings
    return [
        {"setting": found.field, "dev": found.base, "demo": found.other}
        for found in differences(base, story.settings)
    ]
