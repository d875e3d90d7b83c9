"""What the monitor saw, month by month."""

from __future__ import annotations

from typing import NamedTuple

from local.demo.report.model import Estimate, Monitoring, MonthReport
from pages.svg import Drawing, Plot, Point, ticks

CELL_HEIGHT, NAME_WIDTH = 24.0, 190.0
DARK_ENOUGH = 0.55
DEFAULT_THRESHOLD = 0.25
WORDY_MONTHS = 5
"""More months than these leave no room for whole names and numbers; a tip on each has them."""


class Cell(NamedTuple):
    """Where a cell of the heat map stands and what it is called."""

    at: Point
    size: Point
    name: str
    drifted: bool


def heat_map(monitoring: Monitoring) -> str:
    """Population stability index of every feature (rows) in every month (columns).

    The colour is full at twice the threshold; cells of features that drifted are framed.
    """
    months = monitoring.months
    names = _by_drift(months)
    cell = min(120.0, 560.0 / max(len(months), 1))
    drawing = Drawing(
        NAME_WIDTH + cell * len(months) + 10.0,
        34.0 + CELL_HEIGHT * len(names) + 6.0,
        "Drift of every feature by month",
    )
    for column, month in enumerate(months):
        at = (NAME_WIDTH + cell * (column + 0.5), 18.0)
        name = month.month if len(months) <= WORDY_MONTHS else month.month[:3]
        drawing.text(at, name, "label", anchor="middle")
    for row, name in enumerate(names):
        y = 28.0 + CELL_HEIGHT * row
        drawing.text((NAME_WIDTH - 12, y + 16), name.replace("_", " "), "label", anchor="end")
        for column, month in enumerate(months):
            at = (NAME_WIDTH + cell * column + 1.5, y + 1.5)
            threshold = monitoring.drift_threshold or DEFAULT_THRESHOLD
            place = Cell(
                at,
                (cell - 3, CELL_HEIGHT - 3),
                f"{name}, {month.month}",
                drifted=name in month.drifted,
            )
            _cell(drawing, place, month.drift.get(name), threshold)
    return drawing.render()


def _by_drift(months: list[MonthReport]) -> list[str]:
    worst: dict[str, float] = {}
    for month in months:
        for name, value in month.drift.items():
            worst[name] = max(value, worst.get(name, 0.0))
    return sorted(worst, key=lambda name: (-worst[name], name))


def _cell(drawing: Drawing, cell: Cell, value: float | None, threshold: float) -> None:
    middle = (cell.at[0] + cell.size[0] / 2, cell.at[1] + 15)
    if value is None:
        drawing.rect(cell.at, cell.size, "cell-none", rx=2)
        drawing.text(middle, "not measured", "cell-value", anchor="middle")
        return
    strength = min(1.0, max(0.03, value / (2 * threshold)))
    tip = f"{cell.name}: {value:.3f}" + (" (drifted)" if cell.drifted else "")
    css = "cell drifted" if cell.drifted else "cell"
    drawing.rect(cell.at, cell.size, css, tip=tip, rx=2, fill_opacity=f"{strength:.2f}")
    ink = "cell-value strong" if strength > DARK_ENOUGH else "cell-value"
    drawing.text(middle, f"{value:.2f}", ink, anchor="middle")


def metric_by_month(months: list[MonthReport], attribute: str, title: str) -> str:
    """One metric of the served model with its interval, and the limit that the alarm rests on."""
    found = [(m, getattr(m, attribute)) for m in months if getattr(m, attribute) is not None]
    drawing = Drawing(340.0, 230.0, title)
    if not found:
        drawing.text((170.0, 115.0), "not measured in this run", "label", anchor="middle")
        return drawing.render()
    limits = [month.limits.get(attribute) for month, _ in found]
    marks = _marks([e for _, e in found], [limit for limit in limits if limit is not None])
    plot = Plot(drawing, 52.0, 26.0, 276.0, 160.0, (-0.5, len(found) - 0.5), (marks[0], marks[-1]))
    drawing.text((52.0, 12.0), title, "label strong")
    plot.y_axis(marks, lambda value: f"{value:g}")
    plot.x_axis([], str)
    for index, (month, estimate) in enumerate(found):
        _limit(plot, index, limits[index])
        _month(plot, index, month, estimate, wordy=len(found) <= WORDY_MONTHS)
    return drawing.render()


def _limit(plot: Plot, index: int, limit: float | None) -> None:
    if limit is None:
        return
    y = plot.y(limit)
    plot.drawing.line((plot.x(index - 0.42), y), (plot.x(index + 0.42), y), "limit")
    if index == 0:
        plot.drawing.text((plot.x(-0.42), y - 5), "limit", "tick limit-ink")


def _marks(estimates: list[Estimate], limits: list[float]) -> list[float]:
    values = [v for e in estimates for v in (e.value, e.low, e.high) if v is not None]
    values += limits
    low, high = min(values), max(values)
    margin = max((high - low) * 0.1, 0.005)
    return ticks(max(0.0, low - margin), high + margin, 5)


def _month(plot: Plot, index: int, month: MonthReport, estimate: Estimate, *, wordy: bool) -> None:
    drawing, x = plot.drawing, plot.x(float(index))
    css = "alert" if month.breached else "neutral"
    if estimate.low is not None and estimate.high is not None:
        drawing.line((x, plot.y(estimate.low)), (x, plot.y(estimate.high)), f"bar {css}")
    tip = f"{month.month}: {estimate.value:.3f}, n {month.labelled:,}"
    drawing.circle((x, plot.y(estimate.value)), 4.5, f"dot {css}-fill", tip=tip)
    base = plot.top + plot.height
    name = month.month if wordy else month.month[:3]
    drawing.text((x, base + 18), name, "tick", anchor="middle")
    if wordy:
        drawing.text((x + 9, plot.y(estimate.value) + 4), f"{estimate.value:.3f}", "tick")
        drawing.text((x, base + 33), f"n {month.labelled:,}", "tick faint", anchor="middle")
