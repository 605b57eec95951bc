"""What reports show and no table holds: who gave which answer, bands of a histogram, whether accounts balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.exam import Item
from engine.match import ACCOUNTS
from report.source import Row, Sheets


@dataclass(frozen=True)
class Given:
    """An answer to an item and who gave it."""

    answer: str  # "" blank; of a constructed item "unmarked", "zero", "partial", "full"
    count: int
    share: float  # of those presented the item
    right: bool  # full mark
    names: tuple[str, ...]


def answers_given(sheets: Sheets, item: int, names: Sequence[str], most: int = 8) -> list[Given]:
    """The answers of those who count to an item, with names: choice answers in order, the rest by frequency.

    A constructed item is told by points: not given yet, none, part, full. More than `most` different answers are cut
    to the most frequent and "other".
    """
    spec = sheets.subject.items[item]
    full = float(spec.max)
    groups: dict[str, list[int]] = {}
    for i in np.flatnonzero(sheets.counted & sheets.presented[:, item]).tolist():
        answer, points = sheets.answers[i, item], sheets.points[i, item]
        if spec.type == "constructed":
            answer = "unmarked" if not answer else "full" if points >= full else "zero" if points <= 0 else "partial"
        groups.setdefault(answer, []).append(i)
    total = sum(map(len, groups.values()))
    order = _order(spec, groups)
    if len(order) > most:
        kept = sorted(order, key=lambda answer: (-len(groups[answer]), answer))[: most - 1]
        groups["other"] = sorted(i for answer in order if answer not in kept for i in groups[answer])
        order = [answer for answer in order if answer in kept] + ["other"]
    return [
        Given(
            answer=answer,
            count=len(groups[answer]),
            share=len(groups[answer]) / total,
            right=answer != "other" and bool(sheets.points[groups[answer][0], item] >= full > 0),
            names=tuple(names[i] for i in groups[answer]),
        )
        for answer in order
    ]


def _order(spec: Item, groups: dict[str, list[int]]) -> list[str]:
    if spec.type == "constructed":
        return [answer for answer in ("unmarked", "zero", "partial", "full") if answer in groups]
    if spec.type == "number":
        return sorted(groups, key=lambda answer: (not answer, -len(groups[answer]), answer))
    return sorted(groups, key=lambda answer: (not answer, len(answer), answer))


def histogram(values: np.ndarray, full: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares per band and the edges of the bands: about twenty of a round width, the last includes the full mark."""
    widths = [w for w in (1, 2, 2.5, 5, 10, 20, 25, 50) if w >= step] or [step]
    width = min(widths, key=lambda w: abs(full / w - 20))
    low = min(0.0, float(np.floor(values.min() / width) * width)) if len(values) else 0.0
    edges = np.arange(low, full + width, width)
    edges[-1] = max(edges[-1], full)
    counts, _ = np.histogram(values, edges)
    return counts / max(len(values), 1), edges


@dataclass(frozen=True)
class Account:
    """An account of pages or pupils: a whole, its parts, and by how much they differ."""

    name: str
    whole: tuple[str, int]
    parts: list[tuple[str, int]]
    off: int
    of_these: list[tuple[str, int]]  # among those read: violation, incomplete, turned


def accounts(rows: list[Row]) -> list[Account]:
    """The accounts of a subject from its rows of `accounts`."""
    found = []
    for name, (whole, parts) in ACCOUNTS.items():
        lines = {row["line"]: row["count"] for row in rows if row["account"] == name}
        if lines:
            told = [(part, lines.get(part, 0)) for part in parts if lines.get(part, 0) or part != "set_aside"]
            off = lines.get(whole, 0) - sum(count for _, count in told)
            of_these = [(line, lines[line]) for line in ("violation", "incomplete", "turned") if lines.get(line)]
            found.append(Account(name, (whole, lines.get(whole, 0)), told, off, of_these))
    return found
