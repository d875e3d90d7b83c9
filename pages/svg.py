"""A few shapes and one plot area, written as SVG text that follows the page's colours.

Charts are inline and styled by the page's CSS variables, so one drawing serves light, dark and
paper; a drawing library would have fixed the colours when the report was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def attributes(**values: object) -> str:
    """Attributes of an element; ``css`` is the class, underscores become hyphens."""
    parts = []
    for name, value in values.items():
        if value is None:
            continue
        key = "class" if name == "css" else name.replace("_", "-")
        text = number(value) if isinstance(value, float) else str(value)
        parts.append(f' {key}="{escape(text)}"')
    return "".join(parts)


@dataclass(slots=True)
class Drawing:
    """An SVG under construction; coordinates are in the units of its view box."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def line(self, start: Point, end: Point, css: str) -> None:
        """A straight line."""
        x1, y1, x2, y2 = *start, *end
        self._element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), css=css)

    def rect(self, at: Point, size: Point, css: str, *, tip: str = "", **extra: object) -> None:
        """A rectangle with its tool tip."""
        shape = {"x": float(at[0]), "y": float(at[1])}
        shape |= {"width": max(0.0, float(size[0])), "height": max(0.0, float(size[1]))}
        self._element("rect", tip=tip, css=css, **shape, **extra)

    def circle(self, at: Point, radius: float, css: str, *, tip: str = "") -> None:
        """A circle with its tool tip."""
        x, y = float(at[0]), float(at[1])
        self._element("circle", tip=tip, cx=x, cy=y, r=float(radius), css=css)

    def path(self, data: str, css: str, *, tip: str = "", **extra: object) -> None:
        """A path from SVG path data."""
        self._element("path", tip=tip, d=data, css=css, **extra)

    def polyline(self, points: Iterable[Point], css: str) -> None:
        """A line through points."""
        joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._element("polyline", points=joined, css=css)

    def text(self, at: Point, words: str, css: str = "", *, anchor: str = "start") -> None:
        """Words with their baseline start, middle or end at a point."""
        head = attributes(x=float(at[0]), y=float(at[1]), text_anchor=anchor, css=css or None)
        self.parts.append(f"<text{head}>{escape(words)}</text>")

    def _element(self, tag: str, *, tip: str = "", **values: object) -> None:
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(f"<{tag}{attributes(**values)}>{inner}</{tag}>")

    def render(self) -> str:
        """The SVG element with its accessible title."""
        box = f"0 0 {number(self.width)} {number(self.height)}"
        limit = f"max-width:{number(self.width * 1.12)}px"
        head = attributes(viewBox=box, role="img", aria_label=self.title, style=limit)
        return f"<svg{head}>{''.join(self.parts)}</svg>"


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot area inside a drawing with linear axes."""

    drawing: Drawing
    left: float
    top: float
    width: float
    height: float
    x_range: Point
    y_range: Point

    def x(self, value: float) -> float:
        """Horizontal position of a value."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Vertical position of a value; larger values are higher."""
        low, high = self.y_range
        return self.top + self.height - (value - low) / (high - low) * self.height

    def at(self, x: float, y: float) -> Point:
        """Position of a pair of values."""
        return self.x(x), self.y(y)

    def y_axis(self, ticks: Sequence[float], label: Callable[[float], str]) -> None:
        """Horizontal grid lines with their values on the left."""
        for tick in ticks:
            y = self.y(tick)
            self.drawing.line((self.left, y), (self.left + self.width, y), "grid")
            self.drawing.text((self.left - 8, y + 4), label(tick), "tick", anchor="end")

    def x_axis(self, ticks: Sequence[float], label: Callable[[float], str]) -> None:
        """Values below the plot, and its base line."""
        base = self.top + self.height
        self.drawing.line((self.left, base), (self.left + self.width, base), "base")
        for tick in ticks:
            self.drawing.text((self.x(tick), base + 18), label(tick), "tick", anchor="middle")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round values that cover ``low`` to ``high``."""
    span = max(high - low, 1e-6) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(span))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 10) for i in range(first, max(last, first + 1) + 1)]
