"""When everything happened, what was deployed, and who answered."""

from __future__ import annotations

from local.demo.report.figures_monitoring import WORDY_MONTHS
from local.demo.report.model import Moment, Phase, Serving, Stack
from pages.svg import Drawing, Plot, Point, number, ticks

ROW = 22.0
HANDLINGS = ("executed", "emulated", "recorded")
SYMBOLS = {
    "alarm": "series-2-fill",
    "fault": "alert-fill",
    "rollout": "series-1-fill",
    "retraining": "series-1-fill",
    "data": "neutral-fill",
    "monitor": "neutral-fill",
}


def timeline(phases: list[Phase], moments: list[Moment]) -> str:
    """Phases as bars over the seconds of the run; moments numbered on the line above."""
    end = max([p.start_s + p.seconds for p in phases] + [m.at_s for m in moments] + [1.0])
    marks = _minutes(end)
    top = 58.0
    drawing = Drawing(1080.0, top + ROW * len(phases) + 30.0, "Timeline of the run")
    height = ROW * len(phases)
    plot = Plot(drawing, 250.0, top, 780.0, height, (0.0, marks[-1]), (0.0, 1.0))
    for mark in marks:
        drawing.line((plot.x(mark), top), (plot.x(mark), top + height), "grid")
    plot.x_axis(marks, _clock)
    for index, phase in enumerate(phases):
        _phase(plot, phase, top + ROW * index)
    _moments(plot, moments)
    return drawing.render()


def _minutes(end: float) -> list[float]:
    """Half or whole minutes, at most ten of them, that cover the run."""
    step = next((s for s in (10, 30, 60, 120, 300, 600, 1200) if end / s <= 10), 3600)
    return [float(step * i) for i in range(int(-(-end // step)) + 1)]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _phase(plot: Plot, phase: Phase, y: float) -> None:
    drawing = plot.drawing
    drawing.text((plot.left - 14, y + 15), phase.title, "label", anchor="end")
    start, end = plot.x(phase.start_s), plot.x(phase.start_s + phase.seconds)
    css = {"done": "span"}.get(phase.status, f"span {phase.status}")
    tip = f"{phase.title}: {phase.seconds:.1f} s, {phase.status}"
    drawing.rect((start, y + 4), (max(end - start, 2.0), ROW - 8), css, tip=tip, rx=2)
    drawing.text((end + 6, y + 15), f"{phase.seconds:.0f} s", "tick")


def _moments(plot: Plot, moments: list[Moment]) -> None:
    drawing, lanes = plot.drawing, [-100.0, -100.0, -100.0]
    for index, moment in enumerate(sorted(moments, key=lambda m: m.at_s), start=1):
        x = plot.x(moment.at_s)
        lane = next((i for i, last in enumerate(lanes) if x - last > 19), lanes.index(min(lanes)))
        lanes[lane] = x
        y = plot.top - 12 - 17 * lane
        drawing.line((x, y), (x, plot.top + plot.height), "drop")
        tip = f"{_clock(moment.at_s)}  {moment.title}"
        drawing.circle((x, y), 8.0, SYMBOLS.get(moment.kind, "neutral-fill"), tip=tip)
        drawing.text((x, y + 3.5), str(index), "badge", anchor="middle")


def stacks(deployed: list[Stack]) -> str:
    """Stacks in the order of deployment, joined by arcs to those whose outputs they use."""
    pitch, left = 46.0, 250.0
    drawing = Drawing(1080.0, 24.0 + pitch * len(deployed), "Deployed stacks and their edges")
    position = {stack.name: 30.0 + pitch * index for index, stack in enumerate(deployed)}
    largest = max([stack.resources for stack in deployed] + [1])
    for stack in deployed:
        for used in stack.uses:
            if used in position:
                ends = (position[used], position[stack.name])
                _arc(drawing, left - 96, ends, f"{stack.name} uses {used}")
    for stack in deployed:
        _stack(drawing, stack, left, position[stack.name], largest)
    return drawing.render()


def _arc(drawing: Drawing, x: float, ends: Point, tip: str) -> None:
    upper, lower = ends
    reach = 18.0 + (lower - upper) * 0.32
    points = f"M{number(x)},{number(lower)} C{number(x - reach)},{number(lower)} "
    points += f"{number(x - reach)},{number(upper)} {number(x)},{number(upper)}"
    drawing.path(points, "edge", tip=tip)


def _stack(drawing: Drawing, stack: Stack, left: float, y: float, largest: int) -> None:
    drawing.rect((left - 96, y - 15), (132.0, 30.0), "node", rx=4)
    drawing.text((left - 30, y + 5), stack.name.replace("_", " "), "node-name", anchor="middle")
    start, scale = left + 60.0, 220.0 / largest
    for handling in HANDLINGS:
        width = stack.by_handling.get(handling, 0) * scale
        if width:
            tip = f"{stack.by_handling[handling]} {handling}"
            drawing.rect((start, y - 7), (width, 14.0), f"stock {handling}", tip=tip)
        start += width
    drawing.text((start + 8, y + 4), str(stack.resources), "tick strong")
    main = sorted(stack.services.items(), key=lambda item: (-item[1], item[0]))[:6]
    words = "  ·  ".join(f"{name} {count}" for name, count in main)
    drawing.text((left + 330.0, y + 4), words, "tick")


def traffic(serving: Serving) -> str:
    """Requests by month and variant."""
    months = serving.by_month
    highest = float(max([m.requests for m in months] + [1]))
    marks = ticks(0.0, highest, 5)
    drawing = Drawing(520.0, 260.0, "Requests by month and variant")
    plot = Plot(drawing, 52.0, 16.0, 450.0, 196.0, (-0.5, len(months) - 0.5), (0.0, marks[-1]))
    plot.y_axis(marks, lambda value: f"{value:,.0f}")
    plot.x_axis([], str)
    wordy = len(months) <= WORDY_MONTHS
    width = min(56.0, 0.6 * 450.0 / max(len(months), 1))
    for index, month in enumerate(months):
        x, base = plot.x(float(index)), 0.0
        for series, variant in enumerate(("champion", "challenger", "none"), start=1):
            count = month.by_variant.get(variant, 0)
            css = f"series-{series}-fill" if variant != "none" else "alert-fill"
            height = plot.y(base) - plot.y(base + count)
            tip = f"{month.month}: {count} {'without answer' if variant == 'none' else variant}"
            drawing.rect((x - width / 2, plot.y(base + count)), (width, height), css, tip=tip)
            base += count
        drawing.text((x, plot.y(base) - 6), f"{month.requests:,}", "tick strong", anchor="middle")
        name = month.month if wordy else month.month[:3]
        drawing.text((x, 230.0), name, "tick", anchor="middle")
        if wordy:
            drawing.text((x, 246.0), f"{month.records:,} flights", "tick faint", anchor="middle")
    return drawing.render()
