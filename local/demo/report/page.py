"""Renders ``report.html``: one file without a single external reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from local.demo.report import figures_models, figures_monitoring, figures_run
from local.demo.report.model import Comparison, Estimate, Report
from pages.render import environment, style

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def render(report: Report) -> str:
    """The page as HTML text."""
    templates = environment(TEMPLATES)
    templates.filters |= {
        "count": _count,
        "clock": _clock,
        "estimate": _estimate,
        "words": lambda name: str(name).replace("_", " "),
        "milliseconds": lambda value: "-" if value is None else f"{value:,.0f} ms",
    }
    templates.tests["pending_deletion"] = lambda item: "pending deletion" in item
    page = templates.get_template("report.html.j2")
    text: str = page.render(
        report=report,
        style=style(TEMPLATES / "report.css"),
        figures=_figures(report),
        headline=headline(report),
    )
    return text


def headline(report: Report) -> str:
    """The outcome in one sentence, from this run's numbers alone."""
    if report.status == "failed":
        return f"The run failed in the phase “{report.failed_phase}”."
    if report.status == "interrupted":
        return f"The run was interrupted in the phase “{report.failed_phase}”."
    records = report.records
    start = (
        f"{records.sent:,} departures in, every one accounted for" if records else "The loop ran"
    )
    return f"{start}{_verdict(report.comparison)}."


def _verdict(comparison: Comparison | None) -> str:
    if comparison is None or comparison.difference is None:
        return ""
    difference = comparison.difference
    first, second = comparison.first.name, comparison.second.name
    if difference.high is not None and difference.high < 0:
        return f"; on {comparison.month}'s flights {second} beats {first}"
    if difference.low is not None and difference.low > 0:
        return f"; on {comparison.month}'s flights {second} does worse than {first}"
    return f"; on {comparison.month}'s flights {first} and {second} can't be told apart"


def _figures(report: Report) -> dict[str, Markup]:
    figures: dict[str, str] = {
        "timeline": figures_run.timeline(report.phases, report.timeline),
    }
    if report.stacks:
        figures["stacks"] = figures_run.stacks(report.stacks)
    if report.serving:
        figures["traffic"] = figures_run.traffic(report.serving)
    if report.comparison:
        figures["roc"] = figures_models.roc(report.comparison)
        figures["calibration"] = figures_models.calibration(report.comparison)
        figures |= _differences(report.comparison)
    if report.monitoring and report.monitoring.months:
        figures |= _monitoring(report)
    return {name: Markup(drawn) for name, drawn in figures.items()}  # noqa: S704 - drawn here, escaped


def _differences(comparison: Comparison) -> dict[str, str]:
    first, second = comparison.first, comparison.second
    figures = {}
    for metric, title in (("auc", "AUC"), ("log_loss", "Log loss")):
        rows = [
            (contender.name, getattr(contender.metrics, metric), index)
            for index, contender in enumerate((first, second), start=1)
            if getattr(contender.metrics, metric) is not None
        ]
        if rows:
            figures[f"interval_{metric}"] = figures_models.intervals(rows, title)
    return figures


def _monitoring(report: Report) -> dict[str, str]:
    monitoring = report.monitoring
    assert monitoring is not None
    by_month = figures_monitoring.metric_by_month
    months = monitoring.months
    return {
        "heat_map": figures_monitoring.heat_map(monitoring),
        "log_loss": by_month(months, "log_loss", "Log loss"),
        "calibration_error": by_month(months, "calibration_error", "Calibration error"),
        "auc": by_month(months, "auc", "AUC"),
    }


def _count(value: Any) -> str:
    return "-" if value is None else f"{value:,}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def _estimate(value: Estimate | None) -> str:
    return "-" if value is None else figures_models.describe(value)
