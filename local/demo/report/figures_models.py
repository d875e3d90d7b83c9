"""How well the models rank and how far their probabilities can be believed."""

from __future__ import annotations

from local.demo.report.model import Comparison, Curve, Estimate
from pages.svg import Drawing, Plot, ticks

SIDE = 390.0
LEFT, TOP, RIGHT, BOTTOM = 46.0, 16.0, 24.0, 46.0


def _percent(value: float) -> str:
    return f"{value * 100:.0f}%"


def _frame(title: str, x_label: str, y_label: str, top: float) -> Plot:
    drawing = Drawing(LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM, title)
    plot = Plot(drawing, LEFT, TOP, SIDE, SIDE, (0.0, top), (0.0, top))
    marks = [t for t in ticks(0.0, top, 5) if t <= top + 1e-9]
    plot.y_axis(marks, _percent)
    plot.x_axis(marks, _percent)
    middle = LEFT + SIDE / 2
    drawing.text((middle, TOP + SIDE + 38), x_label, "label", anchor="middle")
    drawing.text((LEFT + 4, TOP - 5), y_label, "label")
    drawing.line(plot.at(0.0, 0.0), plot.at(top, top), "reference")
    return plot


def roc(comparison: Comparison) -> str:
    """ROC curves of both models on the same flights; the diagonal is guessing."""
    plot = _frame("ROC of both models", "False alarms among on-time", "Late flights found", 1.0)
    for index, contender in enumerate((comparison.first, comparison.second)):
        curve = contender.roc
        if curve is None:
            continue
        points = [plot.at(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        plot.drawing.polyline(points, f"curve series-{index + 1}")
        auc = contender.metrics.auc
        words = f"{contender.name}  {auc.value:.3f}" if auc else contender.name
        at = plot.at(0.98, 0.14 - 0.08 * index)
        plot.drawing.text(at, words, f"key series-{index + 1}-ink", anchor="end")
    return plot.drawing.render()


def _calibration_top(curves: list[Curve]) -> float:
    highest = max((max([*c.x, *c.y], default=0.5) for c in curves), default=0.5)
    return min(1.0, max(0.4, (int(highest * 5) + 1) / 5))


def calibration(comparison: Comparison) -> str:
    """Predicted against observed share late; area of a dot grows with its flights."""
    both = (comparison.first, comparison.second)
    top = _calibration_top([c.calibration for c in both if c.calibration])
    plot = _frame("Calibration of both models", "Predicted share", "Observed late", top)
    for index, contender in enumerate(both):
        curve = contender.calibration
        if curve is None:
            continue
        css = f"series-{index + 1}"
        pairs = list(zip(curve.x, curve.y, strict=True))
        rows = curve.rows or [1] * len(pairs)
        plot.drawing.polyline([plot.at(*pair) for pair in pairs], f"curve thin {css}")
        for pair, count in zip(pairs, rows, strict=True):
            radius = 2.5 + 5.5 * (count / max(rows)) ** 0.5
            tip = f"{contender.name}: predicted {pair[0]:.3f}, observed {pair[1]:.3f}, n {count}"
            plot.drawing.circle(plot.at(*pair), radius, f"dot {css}-fill", tip=tip)
        error = contender.metrics.calibration_error
        words = f"{contender.name}  error {error.value:.3f}" if error else contender.name
        at = plot.at(top * 0.98, top * (0.14 - 0.08 * index))
        plot.drawing.text(at, words, f"key {css}-ink", anchor="end")
    return plot.drawing.render()


def intervals(rows: list[tuple[str, Estimate, int]], title: str, digits: int = 3) -> str:
    """Dots with confidence bars, one row each; the number picks the series colour (0 = neutral)."""
    ends = [v for _, e, _ in rows for v in (e.value, e.low, e.high) if v is not None]
    low, high = min(ends), max(ends)
    margin = max((high - low) * 0.12, 1e-3)
    marks = ticks(low - margin, high + margin, 4)
    height = 30.0 * len(rows)
    drawing = Drawing(520.0, height + 44.0, title)
    plot = Plot(drawing, 130.0, 10.0, 230.0, height, (marks[0], marks[-1]), (0.0, float(len(rows))))
    for mark in marks:
        drawing.line((plot.x(mark), 10.0), (plot.x(mark), 10.0 + height), "grid")
    plot.x_axis(marks, lambda value: f"{value:g}")
    if marks[0] < 0 < marks[-1]:
        drawing.line((plot.x(0.0), 10.0), (plot.x(0.0), 10.0 + height), "reference")
    for index, (name, estimate, series) in enumerate(rows):
        y = 10.0 + 30.0 * index + 15.0
        drawing.text((plot.left - 14, y + 4), name, "label", anchor="end")
        _interval(plot, estimate, series, y)
        end = (plot.left + plot.width + 14, y + 4)
        drawing.text(end, describe(estimate, digits), "tick")
    return drawing.render()


def _interval(plot: Plot, estimate: Estimate, series: int, y: float) -> None:
    drawing, css = plot.drawing, f"series-{series}" if series else "neutral"
    if estimate.low is not None and estimate.high is not None:
        drawing.line((plot.x(estimate.low), y), (plot.x(estimate.high), y), f"bar {css}")
    drawing.circle((plot.x(estimate.value), y), 4.5, f"dot {css}-fill")


def describe(estimate: Estimate, digits: int = 3) -> str:
    """``0.731 (0.712 to 0.750)``."""
    text = f"{estimate.value:.{digits}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"
    return text
