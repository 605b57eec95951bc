"""Charts as inline SVG: text as outlines of Noto Sans SC, so that a page needs nothing beside it.

Equal data give equal bytes: no date, and ids that come from the content.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from omr.fonts import cjk_font
from report.figures import histogram
from report.words import Words

INK, MUTED, RULE = "#1f2a37", "#667484", "#dfe5ec"
ACCENT, GOOD, BAD = "#1f5f8b", "#2e7d5b", "#b4472f"


@functools.cache
def _style() -> dict[Any, Any]:
    font_manager.fontManager.addfont(str(cjk_font()))
    return {
        "font.family": font_manager.FontProperties(fname=str(cjk_font())).get_name(),
        "font.size": 9,
        "svg.fonttype": "path",
        "svg.hashsalt": "yuejuan",
        "axes.edgecolor": RULE,
        "axes.labelcolor": MUTED,
        "axes.unicode_minus": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "text.parse_math": False,  # a "$" in a name is a "$"
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
    }


@contextmanager
def _axes(
    title: str, width: float, height: float, left: float = 0.5, top: float = 0.2
) -> Iterator[tuple[Axes, list[Markup]]]:
    """A figure to draw in, with the margins that hold its words, in inches; `title` is for those who cannot see it.

    The SVG is appended to the list when the block ends.
    """
    svg: list[Markup] = []
    with mpl.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a rare character in a name
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        figure.subplots_adjust(left / width, 0.42 / height, 1 - 0.1 / width, 1 - top / height)
        yield figure.add_subplot(), svg
        text = io.StringIO()
        figure.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(["Creator", "Date", "Format", "Type"])
        )
    svg.append(_inline(text.getvalue(), title, width))


def _inline(text: str, title: str, width: float) -> Markup:
    """The svg element alone, as wide as its column, but little wider than drawn."""
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(
        r'(<svg[^>]*?) height="[^"]*"',
        rf'\1 class="chart" role="img" aria-label="{escape(title)}" style="max-width:{1.15 * width:.1f}in"',
        text,
        count=1,
    )
    return Markup(re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL))


def _name_line(ax: Axes, x: float, name: str) -> None:
    """A dashed line at x with its name above the axes."""
    ax.axvline(x, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    ax.annotate(name, (x, 1), (0, 2), **where, ha="center", va="bottom", fontsize=8, color=MUTED)


def distribution(
    values: np.ndarray,
    reference: np.ndarray | None,
    *,
    full: float,
    step: float,
    lines: dict[str, float],
    label: str,
    reference_label: str,
    words: Words,
) -> Markup:
    """Shares of pupils per band of points, the reference group as an outline; `lines` are marked points by name."""
    with _axes(words("distribution"), 4.6, 2.3) as (ax, svg):
        shares, edges = histogram(values, full, step)
        ax.bar(edges[:-1], 100 * shares, np.diff(edges) * 0.92, align="edge", color=ACCENT, alpha=0.85, label=label)
        if reference is not None:
            shares, edges = histogram(reference, full, step)
            ax.stairs(100 * shares, edges, color=BAD, linewidth=1.3, label=reference_label)
            ax.legend(loc="upper left", fontsize=8)
        for name, x in lines.items():
            _name_line(ax, x, name)
        ax.set_xlim(edges[0], max(full, edges[-1]))
        ax.set_xlabel(words("chart.score"))
        ax.set_ylabel(words("chart.share"))
        ax.grid(axis="y")
    return svg[0]


def comparison(
    names: Sequence[str], means: Sequence[float], halves: Sequence[float | None], verdicts: Sequence[str],
    *, reference: float, words: Words,
) -> Markup:  # fmt: skip
    """Means with their 95 % intervals, top to bottom as given, and the reference mean as a line."""
    left = 0.15 + 0.125 * max(sum(1 if ord(c) > 0x2E80 else 0.55 for c in name) for name in names)
    with _axes(words("mean"), max(4.6, left + 3.2), 0.62 + 0.27 * len(names), left) as (ax, svg):
        colours = {"above": GOOD, "below": BAD, "same": ACCENT, "unknown": MUTED}
        for y, (mean, half, verdict) in enumerate(zip(means, halves, verdicts, strict=True)):
            ax.errorbar(mean, y, xerr=half or 0, fmt="o", color=colours[verdict], markersize=5, elinewidth=1.6)
        _name_line(ax, reference, words("chart.mean", mean=f"{reference:.1f}"))
        ax.set_yticks(range(len(names)), names, color=INK)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.set_xlabel(words("mean"))
        ax.grid(axis="x")
    return svg[0]


def item_map(difficulty: np.ndarray, discrimination: np.ndarray, names: Sequence[str], words: Words) -> Markup:
    """Items by rate and discrimination; those under 0.2 by name."""
    with _axes(words("item.map"), 4.6, 2.3) as (ax, svg):
        weak = discrimination < 0.2
        ax.axhspan(min(-0.05, np.nanmin(discrimination) - 0.05), 0.2, color="#f7e9e4", linewidth=0)
        ax.scatter(difficulty[~weak], discrimination[~weak], s=26, color=ACCENT, alpha=0.75, linewidth=0)
        ax.scatter(difficulty[weak], discrimination[weak], s=30, color=BAD, linewidth=0)
        for i in np.flatnonzero(weak).tolist():
            ax.annotate(names[i], (difficulty[i], discrimination[i]), (5, 2), textcoords="offset points", fontsize=8)
        ax.set_xlim(0, 1)
        ax.set_ylim(min(-0.05, np.nanmin(discrimination) - 0.05), max(0.8, np.nanmax(discrimination) + 0.05))
        ax.set_xlabel(words("rate"))
        ax.set_ylabel(words("d27"))
        ax.grid()
    return svg[0]


def item_profile(
    names: Sequence[str], rates: np.ndarray, reference: np.ndarray, lower: np.ndarray,
    *, label: str, reference_label: str, words: Words,
) -> Markup:  # fmt: skip
    """The rate of each item, in order, against the reference; `lower` (booleans) marks those clearly below."""
    with _axes(words("class.items"), 9.6, 2.3, top=0.3) as (ax, svg):
        x = np.arange(len(names))
        colours = [BAD if low else ACCENT for low in lower]
        ax.vlines(x, 100 * reference, 100 * rates, colors=colours, linewidth=1.4, alpha=0.6)
        ax.scatter(x, 100 * reference, s=18, marker="_", color=MUTED, linewidth=1.4, label=reference_label)
        ax.scatter(x, 100 * rates, s=16, c=colours, linewidth=0, zorder=3)
        ax.scatter([], [], s=16, color=ACCENT, label=label)
        ax.scatter([], [], s=16, color=BAD, label=words("lower"))
        every = max(1, -(-len(names) // 30))
        ax.set_xticks(x[::every], [names[i] for i in range(0, len(names), every)], fontsize=7.5)
        ax.set_xlim(-0.8, len(names) - 0.2)
        ax.set_ylim(0, 104)
        ax.set_xlabel(words("item"))
        ax.set_ylabel(f"{words('rate')} (%)")
        ax.grid(axis="y")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, handletextpad=0.2)
    return svg[0]
