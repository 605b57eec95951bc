"""A small drawing board for charts: inline SVG with scales, axes, a legend that hides series, and tips on marks.

Colours and sizes stand in the elements, so that a typesetter draws the same picture as a browser; text is text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

INK, MUTED, RULE, SOFT = "#1f2a37", "#667484", "#dfe5ec", "#eef2f5"
ACCENT, GOOD, BAD, WARN = "#1f5f8b", "#2e7d5b", "#b4472f", "#8a6116"
VERDICTS = {"above": GOOD, "below": BAD, "same": ACCENT, "unknown": MUTED}
SERIES = ("#1f5f8b", "#c07a1d", "#2e7d5b", "#8d4f9e", "#b4472f", "#4c8f9e", "#7a7327", "#c2588a", "#555f6b", "#6b8e23")
SIZE = 11.0  # of letters

Point = tuple[float, float]


def text_width(words: str, size: float = SIZE) -> float:
    """About how wide a line of text is, in the units of the drawing."""
    return size * sum(1.0 if ord(c) > 0x2E80 else 0.56 for c in words)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most so many."""
    span = high - low
    if not span > 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10, 20) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def plain(value: float) -> str:
    """A number of an axis."""
    return f"{value:.6g}".replace("-", "−")


class Board:
    """A plot with a linear scale on either axis.

    Args:
        title: for those who cannot see it.
        x, y: lowest and highest value; (high, low) turns the axis round.
        margins: left, top, right, bottom of the plot.
    """

    def __init__(
        self, title: str, width: float, height: float, x: Point, y: Point,
        margins: tuple[float, float, float, float] = (44, 18, 12, 38),
    ) -> None:  # fmt: skip
        self.width, self.height, self._title = width, height, title
        self.left, self.top = margins[0], margins[1]
        self.right, self.bottom = width - margins[2], height - margins[3]
        self._x, self._y = x, y
        self._parts: list[str] = []

    def px(self, x: float) -> float:
        """Where a value of x lies."""
        low, high = self._x
        return self.left + (x - low) / ((high - low) or 1) * (self.right - self.left)

    def py(self, y: float) -> float:
        """Where a value of y lies."""
        low, high = self._y
        return self.bottom - (y - low) / ((high - low) or 1) * (self.bottom - self.top)

    # --- marks, in values of x and y

    def line(self, a: Point, b: Point, colour: str = MUTED, width: float = 1.0, dash: str = "", tip: str = "") -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{self.px(a[0]):.1f}" y1="{self.py(a[1]):.1f}" x2="{self.px(b[0]):.1f}" y2="{self.py(b[1]):.1f}"'
            f' stroke="{colour}" stroke-width="{width:g}"{dashed}{_tip(tip)}/>'
        )

    def curve(self, points: Sequence[Point], colour: str, width: float = 1.6, fill: str = "none") -> None:
        """A line through points; filled, it is closed."""
        path = "L".join(f"{self.px(x):.1f} {self.py(y):.1f}" for x, y in points)
        end = "Z" if fill != "none" else ""
        self._parts.append(
            f'<path d="M{path}{end}" fill="{fill}" fill-opacity="0.15" stroke="{colour}" stroke-width="{width:g}"'
            ' stroke-linejoin="round"/>'
        )

    def dot(self, x: float, y: float, colour: str, radius: float = 3.6, tip: str = "", fill: str = "") -> None:
        """A round mark."""
        self._parts.append(
            f'<circle cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{radius:g}" fill="{fill or colour}"'
            f' stroke="{colour if fill else "#ffffff"}" stroke-width="{1.3 if fill else 0.6}"{_tip(tip)}/>'
        )

    def box(self, a: Point, b: Point, colour: str, tip: str = "", stroke: str = "none", opacity: float = 1.0) -> None:
        """A rectangle between two corners."""
        (x1, x2), (y1, y2) = sorted((self.px(a[0]), self.px(b[0]))), sorted((self.py(a[1]), self.py(b[1])))
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self._parts.append(
            f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{max(x2 - x1, 0.4):.1f}" height="{max(y2 - y1, 0.4):.1f}"'
            f' fill="{colour}" stroke="{stroke}"{faint}{_tip(tip)}/>'
        )

    def write(
        self, x: float, y: float, words: str, anchor: str = "middle", colour: str = MUTED, size: float = SIZE - 1
    ) -> None:
        """Words at a place of the drawing (not a value); y is their base line."""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}">'
            f"{escape(words)}</text>"
        )

    def raw(self, element: str) -> None:
        """An element made elsewhere."""
        self._parts.append(element)

    # --- furniture

    def x_axis(self, values: Sequence[float], title: str = "", labels: Sequence[str] | None = None,
               grid: bool = True) -> None:  # fmt: skip
        """Ticks of x with their numbers below, and a title."""
        for value, label in zip(values, labels or [plain(v) for v in values], strict=True):
            if grid:
                self._rule(self.px(value), self.top, self.px(value), self.bottom)
            self.write(self.px(value), self.bottom + 14, label)
        self._rule(self.left, self.bottom, self.right, self.bottom, "#b9c4ce")
        if title:
            self.write((self.left + self.right) / 2, self.bottom + 30, title)

    def y_axis(self, values: Sequence[float], title: str = "") -> None:
        """Ticks of y with their numbers on the left, and a title above."""
        for value in values:
            self._rule(self.left, self.py(value), self.right, self.py(value))
            self.write(self.left - 6, self.py(value) + 3.5, plain(value), "end")
        if title:
            self.write(2, self.top - 8, title, "start")

    def rows(self, names: Sequence[str], size: float = SIZE) -> None:
        """Names on the left, at y = 0, 1, …, cut to the margin."""
        for y, name in enumerate(names):
            self.write(self.left - 8, self.py(y) + 3.8, _cut(name, self.left - 12, size), "end", INK, size)

    def mark_x(self, value: float, name: str) -> None:
        """A dashed line at x with its name above."""
        self.line((value, self._y[0]), (value, self._y[1]), MUTED, 0.9, "3 2")
        self.write(self.px(value), self.top - 5, name)

    def legend(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """(series, label, colour) on a line at the top right; a click on one hides its series."""
        x = self.right - sum(text_width(label) + 26 for _, label, _ in entries)
        x, y = max(x, 4.0), 9.0
        for series, label, colour in entries:
            step = text_width(label) + 26
            if x + step > self.right + 8 and x > 4:
                x, y = 4.0, y + 14
            self._parts.append(f'<g class="key" data-toggle="{escape(series)}" tabindex="0">')
            self._parts.append(f'<rect x="{x:.1f}" y="{y - 7:.1f}" width="10" height="8" rx="2" fill="{colour}"/>')
            self.write(x + 14, y, label, "start")
            self._parts.append("</g>")
            x += step

    def begin(self, series: str) -> None:
        """Marks from here to `end` belong to a series of the legend."""
        self._parts.append(f'<g data-series="{escape(series)}">')

    def end(self) -> None:
        """See `begin`."""
        self._parts.append("</g>")

    def _rule(self, x1: float, y1: float, x2: float, y2: float, colour: str = RULE) -> None:
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="0.7"/>'
        )

    def svg(self) -> Markup:
        """The element: as wide as its column, but little wider than drawn."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label="{escape(self._title)}"'
            f' viewBox="0 0 {self.width:g} {self.height:g}" style="max-width:{1.2 * self.width:.0f}px">'
        )
        return Markup(head + "".join(self._parts) + "</svg>")


def _tip(words: str) -> str:
    return f' data-tip="{escape(words)}"' if words else ""


def _cut(words: str, width: float, size: float) -> str:
    if text_width(words, size) <= width:
        return words
    while words and text_width(words + "…", size) > width:
        words = words[:-1]
    return words + "…"
