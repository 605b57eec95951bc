"""The charts of the reports, drawn on `report.svg.Board`. Each takes numbers that stand in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from report.figures import histogram
from report.render import number, percent, signed
from report.svg import ACCENT, BAD, GOOD, MUTED, SERIES, SIZE, SOFT, VERDICTS, WARN, Board, plain, text_width, ticks
from report.words import Words

HALF, FULL = 460.0, 940.0  # widths: half a page, a whole page
ROW = 19.0  # height of a row of a chart with a row a unit
LEVELS = (5, 25, 50, 75, 95)  # percentiles of a box plot


def distribution(
    values: np.ndarray, reference: np.ndarray | None, *, full: float, step: float, lines: Mapping[str, float],
    label: str, reference_label: str, words: Words,
) -> Markup:  # fmt: skip
    """Shares of pupils per band of points, the reference group as an outline; `lines` are marked points by name."""
    shares, edges = histogram(values, full, step)
    outline = histogram(reference, full, step) if reference is not None else (np.zeros(1), edges)
    top = 100 * max(shares.max(), outline[0].max()) * 1.08 or 1
    board = Board(words("distribution"), HALF, 230, (edges[0], max(full, edges[-1])), (0, top), (34, 44, 8, 34))
    board.y_axis(ticks(0, top, 5), words("chart.share"))
    board.x_axis(ticks(edges[0], full, 8), words("chart.score"), grid=False)
    board.begin("own")
    for share, low, high in zip(shares.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        gap = (high - low) * 0.06
        told = words("tip.band", low=plain(low), high=plain(high), share=percent(share, 200))
        board.box((low + gap, 0), (high - gap, 100 * share), ACCENT, f"{label} {told}", opacity=0.85)
    board.end()
    keys = [("own", label, ACCENT)]
    if reference is not None:
        heights, steps = outline
        board.begin("all")
        corners = [(x, 100 * y) for y, a, b in zip(heights, steps[:-1], steps[1:], strict=True) for x in (a, b)]
        board.curve([(steps[0], 0.0), *corners, (steps[-1], 0.0)], BAD, 1.3)
        board.end()
        keys.append(("all", reference_label, BAD))
    for name, x in lines.items():
        board.mark_x(x, name)
    board.legend(keys)
    return board.svg()


def segments(curves: Mapping[str, Sequence[tuple[float, float]]], full: float, words: Words) -> Markup:
    """一分一段 as a curve: (score, share of pupils with at least this score), a curve a group."""
    board = Board(words("segments"), HALF, 250, (0, full), (0, 100), (34, 58, 10, 34))
    board.y_axis(range(0, 101, 20), words("chart.at_least"))
    board.x_axis(ticks(0, full, 8), words("chart.score"))
    keys = []
    for number_, (name, points) in enumerate(curves.items()):
        colour = SERIES[number_ % len(SERIES)]
        board.begin(name)
        board.curve([(x, 100 * y) for x, y in points], colour, 2.0 if number_ == 0 else 1.2)
        for x, y in points[:: max(1, len(points) // 30)]:
            tip = words("tip.at_least", name=name, score=plain(x), share=percent(y, 200))
            at = f'cx="{board.px(x):.1f}" cy="{board.py(100 * y):.1f}"'
            board.raw(f'<circle {at} r="5" fill="transparent" data-tip="{_e(tip)}"/>')
        board.end()
        keys.append((name, name, colour))
    board.legend(keys)
    return board.svg()


def _e(text: str) -> Markup:
    return Markup.escape(text)


def _left(names: Sequence[str], most: float = 190) -> float:
    return min(most, 18 + max((text_width(name) for name in names), default=0))


def boxes(
    names: Sequence[str], quantiles: Sequence[Sequence[float]], means: Sequence[float], *, full: float, words: Words
) -> Markup:
    """Box plots: 5, 25, 50, 75, 95 % of the scores of each unit, and a point for the mean."""
    rows = len(names)
    height = 44 + ROW * rows
    board = Board(words("boxes"), FULL, height, (0, full), (rows - 0.4, -0.6), (_left(names), 8, 14, 34))
    board.x_axis(ticks(0, full, 10), words("chart.score"))
    for y, (name, five, mean) in enumerate(zip(names, quantiles, means, strict=True)):
        low, q1, median, q3, high = five
        tip = words("tip.box", name=name, low=plain(low), q1=plain(q1), median=plain(median), q3=plain(q3),
                    high=plain(high), mean=number(mean))  # fmt: skip
        board.line((low, y), (high, y), MUTED, 1.0)
        board.box((q1, y - 0.3), (q3, y + 0.3), "#cfe0ec", tip, ACCENT)
        board.line((median, y - 0.3), (median, y + 0.3), ACCENT, 2)
        board.dot(mean, y, WARN, 2.6, tip)
    board.rows(names)
    return board.svg()


def comparison(
    names: Sequence[str], means: Sequence[float], halves: Sequence[float | None], verdicts: Sequence[str],
    *, reference: float, words: Words,
) -> Markup:  # fmt: skip
    """Means with their 95 % intervals, top to bottom as given, and the reference mean as a line."""
    lows = [m - (h or 0) for m, h in zip(means, halves, strict=True)]
    highs = [m + (h or 0) for m, h in zip(means, halves, strict=True)]
    return _intervals(
        words("mean"),
        names,
        means,
        lows,
        highs,
        verdicts,
        reference,
        words("chart.mean", mean=number(reference)),
        words,
    )


def caterpillar(names: Sequence[str], effects: Sequence[float], lows: Sequence[float], highs: Sequence[float],
                verdicts: Sequence[str], words: Words) -> Markup:  # fmt: skip
    """Effects of units with their intervals, the smallest first, against nought (a caterpillar plot)."""
    order = np.argsort(effects, kind="stable").tolist()
    names, effects, lows, highs, verdicts = (
        [list(c)[i] for i in order] for c in (names, effects, lows, highs, verdicts)
    )
    return _intervals(
        words("growth.effect"), names, effects, lows, highs, verdicts, 0.0, words("growth.expected"), words
    )


def _intervals(
    title: str, names: Sequence[str], values: Sequence[float], lows: Sequence[float], highs: Sequence[float],
    verdicts: Sequence[str], reference: float, reference_name: str, words: Words,
) -> Markup:  # fmt: skip
    low, high = min(*lows, reference), max(*highs, reference)
    pad = (high - low) * 0.05 or 1.0
    rows = len(names)
    many = rows > 12
    height = 54 + (15.0 if many else ROW) * rows
    board = Board(title, FULL if many else HALF, height, (low - pad, high + pad), (rows - 0.4, -0.6),
                  (_left(names), 18, 14, 34))  # fmt: skip
    board.x_axis(ticks(low - pad, high + pad, 10 if many else 6), title)
    board.mark_x(reference, reference_name)
    for y, (name, value, a, b, verdict) in enumerate(zip(names, values, lows, highs, verdicts, strict=True)):
        colour = VERDICTS[verdict]
        tip = words("tip.interval", name=name, value=number(value), low=number(a), high=number(b),
                    verdict=words(f"verdict.{verdict}"))  # fmt: skip
        board.line((a, y), (b, y), colour, 2.0, tip=tip)
        board.dot(value, y, colour, 3.4, tip)
    board.rows(names, SIZE - 1 if many else SIZE)
    return board.svg()


def item_map(items: Sequence[Mapping[str, Any]], words: Words) -> Markup:
    """Items by rate and discrimination (rows of `items`); those under 0.2 by name."""
    values = [row["d27"] for row in items]
    low, high = min(-0.05, *values) - 0.02, max(0.8, *values) + 0.02
    board = Board(words("item.map"), HALF, 250, (0, 1), (low, high), (38, 24, 10, 34))
    board.box((0, low), (1, 0.2), "#f7e9e4")
    board.y_axis(ticks(low, high, 6), words("d27"))
    board.x_axis([0, 0.2, 0.4, 0.6, 0.8, 1], words("rate"))
    for row in sorted(items, key=lambda row: -row["d27"]):
        weak = row["d27"] < 0.2
        tip = words("tip.item", item=row["item"], type=words.code("type", row["type"]), knowledge=row["knowledge"],
                    rate=percent(row["difficulty"]), d27=number(row["d27"], 2))  # fmt: skip
        board.dot(row["difficulty"], row["d27"], BAD if weak else ACCENT, 4, tip)
        if weak:
            board.write(board.px(row["difficulty"]) + 6, board.py(row["d27"]) + 4, row["item"], "start", BAD)
    return board.svg()


def item_profile(
    names: Sequence[str], rates: np.ndarray, reference: np.ndarray, lower: np.ndarray,
    *, label: str, reference_label: str, words: Words,
) -> Markup:  # fmt: skip
    """The rate of each item, in order, against the reference; `lower` (booleans) marks those clearly below."""
    board = Board(words("class.items"), FULL, 230, (-0.8, len(names) - 0.2), (0, 104), (34, 24, 8, 34))
    board.y_axis(range(0, 101, 20), f"{words('rate')} (%)")
    every = max(1, -(-len(names) // 30))
    board.x_axis(range(0, len(names), every), words("item"), names[::every], grid=False)
    for x, (name, rate, whole, low) in enumerate(zip(names, rates, reference, lower, strict=True)):
        if math.isnan(rate):
            continue
        colour = BAD if low else ACCENT
        tip = f"{words('item.name', item=name)}: {label} {percent(float(rate))}"
        if not math.isnan(whole):
            tip += f", {reference_label} {percent(float(whole))}"
            board.line((x, 100 * whole), (x, 100 * rate), colour, 1.3)
            board.line((x - 0.3, 100 * whole), (x + 0.3, 100 * whole), MUTED, 1.6)
        board.dot(x, 100 * rate, colour, 3, tip)
    board.legend([("own", label, ACCENT), ("low", words("lower"), BAD), ("all", reference_label, MUTED)])
    return board.svg()


def sp_chart(answers: np.ndarray, s_curve: np.ndarray, p_curve: np.ndarray, words: Words) -> Markup:
    """S-P chart: (pupils, items) of 1 right, 0 wrong, -1 blank, -2 not presented, in order, with both curves."""
    pupils, items = answers.shape
    board = Board(words("sp"), HALF, 300, (0, items), (pupils, 0), (34, 24, 8, 34))
    for codes, colour in (((1,), "#dcebf4"), ((-1,), "#f0d9a8")):
        path = []
        for y, row in enumerate(np.isin(answers, codes)):
            for a, b in np.flatnonzero(np.diff(np.concatenate(([0], row, [0])))).reshape(-1, 2).tolist():
                path.append(
                    f"M{board.px(a):.1f} {board.py(y):.1f}H{board.px(b):.1f}V{board.py(y + 1):.1f}H{board.px(a):.1f}Z"
                )
        board.raw(f'<path d="{"".join(path)}" fill="{colour}"/>')
    board.y_axis(ticks(0, pupils, 5), words("sp.pupils"))
    board.x_axis(ticks(0, items, 8), words("sp.items"), grid=False)
    s = [point for y, x in enumerate(s_curve.tolist()) for point in ((x, y), (x, y + 1))]
    p = [point for x, y in enumerate(p_curve.tolist()) for point in ((x, y), (x + 1, y))]
    for series, points, colour in (("S", s, ACCENT), ("P", p, BAD)):
        board.begin(series)
        board.curve(points, colour, 1.6)
        board.end()
    board.legend([("S", words("sp.s"), ACCENT), ("P", words("sp.p"), BAD)])
    return board.svg()


def heat_map(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]],
             weak: Sequence[Sequence[bool]], words: Words) -> Markup:  # fmt: skip
    """Rates of knowledge points (rows) by unit (columns) as differences from the row's reference; weak ones framed.

    Args:
        cells: rate less reference.
    """
    left = _left(rows, 150)
    slanted = max((text_width(name, 10) for name in columns), default=0) > (FULL - left) / max(len(columns), 1)
    top = 30 + (max((text_width(name, 10) for name in columns), default=0) * 0.75 if slanted else 0)
    board = Board(
        words("heat"), FULL, top + 18 * len(rows) + 26, (0, len(columns)), (len(rows), 0), (left, top, 12, 26)
    )
    for y, (name, row, marks) in enumerate(zip(rows, cells, weak, strict=True)):
        for x, (gap, mark) in enumerate(zip(row, marks, strict=True)):
            if gap is None or math.isnan(gap):
                continue
            tip = f"{columns[x]} · {name} {signed(100 * gap, 0)}"
            board.box((x + 0.04, y + 0.06), (x + 0.96, y + 0.94), _shade(gap), tip, BAD if mark else "none")
        board.write(board.left - 8, board.py(y + 0.5) + 4, name, "end", "#1f2a37")
    for x, name in enumerate(columns):
        at, base = board.px(x + 0.5), board.top - 6
        if slanted:
            board.raw(f'<text transform="translate({at + 3:.1f} {base:.1f}) rotate(-48)" font-size="10" fill="{MUTED}">'
                      f"{_e(name)}</text>")  # fmt: skip
        else:
            board.write(at, base, name)
    at = board.left
    for gap in (-0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15):
        board.raw(f'<rect x="{at:.1f}" y="{board.bottom + 9:.1f}" width="30" height="10" fill="{_shade(gap)}"/>')
        board.write(at + 15, board.bottom + 18, signed(100 * gap, 0), colour="#1f2a37", size=9)
        at += 30
    board.write(at + 8, board.bottom + 18, words("heat.unit"), "start", size=9)
    return board.svg()


def _shade(gap: float) -> str:
    """From red at -15 points through white to green at +15."""
    share = max(-1.0, min(1.0, gap / 0.15))
    base = (217, 120, 96) if share < 0 else (108, 176, 140)
    red, green, blue = (round(248 + (part - 248) * abs(share)) for part in base)
    return f"#{red:02x}{green:02x}{blue:02x}"


def radar(names: Sequence[str], rates: Sequence[float], reference: Sequence[float], *, label: str,
          reference_label: str, words: Words) -> Markup:  # fmt: skip
    """Rates on three or more knowledge points as a radar, the reference as an outline."""
    board = Board(words("radar"), HALF, 300, (-1.55, 1.55), (-1.12, 1.12), (0, 26, 0, 4))
    radius = (board.bottom - board.top) / 2.24
    cx, cy = board.px(0), board.py(0)

    def at(k: int, r: float) -> tuple[float, float]:
        angle = math.pi / 2 - 2 * math.pi * k / len(names)
        return cx + r * radius * math.cos(angle), cy - r * radius * math.sin(angle)

    def closed(values: Sequence[float]) -> str:
        return "M" + "L".join("{:.1f} {:.1f}".format(*at(k, value)) for k, value in enumerate(values)) + "Z"

    for ring in (0.25, 0.5, 0.75, 1.0):
        board.raw(f'<path d="{closed([ring] * len(names))}" fill="none" stroke="#dfe5ec" stroke-width="0.7"/>')
    board.begin("all")
    board.raw(f'<path d="{closed(reference)}" fill="none" stroke="{BAD}" stroke-width="1.3" stroke-dasharray="4 3"/>')
    board.end()
    board.begin("own")
    board.raw(f'<path d="{closed(rates)}" fill="{ACCENT}" fill-opacity="0.16" stroke="{ACCENT}" stroke-width="1.6"/>')
    for k, (name, rate, whole) in enumerate(zip(names, rates, reference, strict=True)):
        x, y = at(k, rate)
        tip = f"{name}: {label} {percent(rate)}, {reference_label} {percent(whole)}"
        board.raw(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{ACCENT}" data-tip="{_e(tip)}"/>')
    board.end()
    for k, name in enumerate(names):
        x, y = at(k, 1.08)
        anchor = "middle" if abs(x - cx) < 8 else "start" if x > cx else "end"
        board.write(x, y + 4, name, anchor, "#1f2a37", 10)
    board.legend([("own", label, ACCENT), ("all", reference_label, BAD)])
    return board.svg()


def growth_arrows(names: Sequence[str], before: Sequence[float], after: Sequence[float], lows: Sequence[float],
                  highs: Sequence[float], verdicts: Sequence[str], words: Words) -> Markup:  # fmt: skip
    """From what each unit's earlier scores let expect to what it reached, with the interval of the difference."""
    low = min(*before, *(b + a for b, a in zip(before, lows, strict=True)))
    high = max(*before, *(b + a for b, a in zip(before, highs, strict=True)))
    pad = (high - low) * 0.05 or 1.0
    rows = len(names)
    board = Board(words("growth.arrows"), FULL, 54 + 15 * rows, (low - pad, high + pad), (rows - 0.4, -0.6),
                  (_left(names), 10, 14, 34))  # fmt: skip
    board.x_axis(ticks(low - pad, high + pad, 10), words("growth.points"))
    for y, (name, a, b, lo, hi, verdict) in enumerate(zip(names, before, after, lows, highs, verdicts, strict=True)):
        colour = VERDICTS[verdict]
        tip = words("tip.arrow", name=name, before=number(a), after=number(b), gap=signed(b - a), low=signed(lo),
                    high=signed(hi), verdict=words(f"verdict.{verdict}"))  # fmt: skip
        board.box((a + lo, y - 0.22), (a + hi, y + 0.22), SOFT, tip)
        board.line((a, y), (b, y), colour, 2.0, tip=tip)
        x, at = board.px(b), board.py(y)
        back = -6 if b >= a else 6
        board.raw(f'<path d="M{x:.1f} {at:.1f}l{back} -3.4v6.8Z" fill="{colour}"/>')
        board.dot(a, y, MUTED, 2.4, tip, "#ffffff")
    board.rows(names, SIZE - 1)
    return board.svg()


def balance(names: Sequence[str], values: Sequence[float], lows: Sequence[float | None],
            highs: Sequence[float | None], threshold: float | None, label: str, words: Words) -> Markup:  # fmt: skip
    """A measure of balance by county or subject with its interval, and the threshold that it should stay under."""
    top = max([v for v in (*values, *highs, threshold) if v is not None]) * 1.1 or 1.0
    rows = len(names)
    board = Board(label, HALF, 60 + ROW * rows, (0, top), (rows - 0.4, -0.6), (_left(names), 18, 14, 34))
    board.x_axis(ticks(0, top, 6), label)
    for y, (name, value, low, high) in enumerate(zip(names, values, lows, highs, strict=True)):
        clear = threshold is not None and (low if low is not None else value) > threshold
        colour = BAD if clear else GOOD if threshold is not None and (high or value) < threshold else ACCENT
        tip = f"{name} {number(value, 3)}"
        if low is not None and high is not None:
            tip += f" ({number(low, 3)}–{number(high, 3)})"
        board.box((0, y - 0.28), (value, y + 0.28), colour, tip, opacity=0.55)
        if low is not None and high is not None:
            board.line((low, y), (high, y), colour, 1.8, tip=tip)
    if threshold is not None:
        board.mark_x(threshold, words("balance.threshold", value=plain(threshold)))
    board.rows(names)
    return board.svg()
