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


def problems(
    settings: Settings, source: Source, contract: dict[str, Any], contract_source: Source
) -> Iterator[Problem]:
    """Settings that the compiled contract does not allow, and the other way round."""
    yield from _check_windows(settings, source, contract)
    yield from _check_decisions(settings, source, contract)
    yield from _check_holdout(settings, source, contract)
    yield from _check_judged_days(settings, source, contract, contract_source)
    yield from _check_batch(settings, source, contract)


def _check_windows(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """Of a window beyond the retention the rest would quietly be read; one has to have labels."""
    latency = contract["label_latency_hours"] / 24
    for section, record, days in (
        ("training", "event", settings.training.window_days),
        ("monitoring", "label", settings.monitoring.window_days),
    ):
        kept, name = contract["retention_days"][record], contract[record]["name"]
        for broken, allowed, rule in (
            (days > kept, f"at most the contract's retention of {name}, {kept}",
             "window-within-retention"),
            (days <= latency, f"more than the contract's label latency of {latency:g} days",
             "window-beyond-latency"),
        ):  # fmt: skip
            if broken:
                place = (section, "window_days")
                yield source.problem(place, f"allowed: {allowed}", value=days, rule=rule)


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


def _check_judged_days(
    settings: Settings, source: Source, contract: dict[str, Any], contract_source: Source
) -> Iterator[Problem]:
    """A monitor that asks for more days than its window has never judges."""
    wanted, window = contract["monitoring"]["minimumDays"], settings.monitoring.window_days
    latency = contract["label_latency_hours"] / 24
    if wanted > window - latency > 0:
        place = ("customProperties", "monitoring", "minimumDays")
        yield contract_source.problem(
            resolved(place, contract_source.data),
            f"allowed: at most {window - latency:g}: monitoring.window_days of {source.name}, "
            f"{window}, less the label latency of {latency:g} days",
            rule="days-within-window",
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
