"""What settings and contract must agree on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from config.contract import example_record
from config.contract_properties import resolved
from config.problems import Problem
from config.schedule import runs_per_year
from config.settings import Settings
from config.source import Source


def problems(settings: Settings, source: Source, contract: dict[str, Any]) -> Iterator[Problem]:
    """Settings that the compiled contract does not allow."""
    yield from _check_windows(settings, source, contract)
    yield from _check_decisions(settings, source, contract)
    yield from _check_holdout(settings, source, contract)
    yield from _check_batch(settings, source, contract)


def _check_windows(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """Windows longer than the retention would quietly read what is left."""
    for dotted, record, days in (
        ("training.window_days", "event", settings.training.window_days),
        ("monitoring.window_days", "label", settings.monitoring.window_days),
    ):
        kept = contract["retention_days"][record]
        if days > kept:
            yield source.problem(
                tuple(dotted.split(".")),
                f"allowed: at most the contract's retention of {contract[record]['name']}, {kept}",
                value=days,
                rule="window-within-retention",
            )


def _check_decisions(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """The gate's confidence is that of a year of so many decisions."""
    schedule, counted = settings.training.schedule, contract["gate"]["decisionsPerYear"]
    if schedule is None or (runs := runs_per_year(schedule)) <= counted:
        return
    yield source.problem(
        ("training", "schedule"),
        f"allowed: at most {counted} times a year, the contract's gate.decisionsPerYear; this "
        f"falls due {runs} times, so that the gate's confidence would not hold",
        value=schedule,
        rule="decisions-a-year",
    )


def _check_holdout(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """A hold-out of fewer days than the gate asks for rejects every candidate."""
    training, wanted = settings.training, contract["gate"]["minimumHoldoutDays"]
    days = training.window_days * training.holdout_share
    if days < wanted:
        yield source.problem(
            ("training", "holdout_share"),
            f"allowed: at least {wanted / training.window_days:.3g}: of training.window_days, "
            f"{training.window_days}, it makes a hold-out of {days:.3g} days, and the contract's "
            f"gate.minimumHoldoutDays is {wanted}",
            value=training.holdout_share,
            rule="holdout-has-days",
        )


def problems_of_days(
    settings: Settings, source: Source, contract_source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """A monitor that asks for more days than its window has never judges."""
    wanted, window = contract["monitoring"]["minimumDays"], settings.monitoring.window_days
    latency, days = contract["label_latency_hours"] / 24, settings.training.window_days
    if wanted > window - latency > 0:
        place = ("customProperties", "monitoring", "minimumDays")
        yield contract_source.problem(
            resolved(place, contract_source.data),
            f"allowed: at most {window - latency:g}: monitoring.window_days of {source.name}, "
            f"{window}, less the label latency of {latency:g} days",
            rule="days-within-window",
        )
    if latency >= settings.monitoring.window_days or latency >= days:
        shortest = min(days, window)
        yield source.problem(
            ("training" if days <= window else "monitoring", "window_days"),
            f"allowed: more than the contract's label latency of {latency:g} days",
            value=shortest,
            rule="window-beyond-latency",
        )


def _check_batch(settings: Settings, source: Source, contract: dict[str, Any]) -> Iterator[Problem]:
    """A batch that no body can hold is a setting without effect."""
    record = len(json.dumps(example_record(contract["event"]), separators=(",", ":")))
    most = settings.api.body_kilobytes * 1024 // (record + 1)
    if settings.api.batch_records > most:
        yield source.problem(
            ("api", "batch_records"),
            f"allowed: at most {most}, for {settings.api.body_kilobytes} KB "
            f"(api.body_kilobytes) hold no more of the contract's example of {record} bytes",
            value=settings.api.batch_records,
            rule="batch-fits-body",
        )
