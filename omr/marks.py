"""Bubbles to marks: what a page's own ink, paper and print say about each bubble, and how sure that is.

Every bubble gets one number, its darkness: how much less light its area returns than the paper around it (0 paper,
1 black). What is printed in a bubble darkens it a little and alike all over a page, a pencil or pen darkens it a lot;
so the page itself tells how dark an empty bubble is and how much a mark adds (`ink`), and each bubble is judged by
its rise above the empty bubbles beside it, in units of what a mark adds on this page. Only where a page shows too few
marks to learn from does an expectation stand in. Nothing is tuned by hand to a kind of sheet, pen or camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from omr._bubbles import measure
from omr.bubbles import Bubbles
from omr.ink import CLEAR_DOUBLE, Ink, learn
from omr.layout import Field, Joined, Layout
from omr.placement import Placement

# Where a bubble is measured, in half-widths from its centre: fully up to CORE, fading out to EDGE. Beyond 1 because a
# template's box is often smaller than the print and may lie a little off; the ring then stays within all the same.
CORE, EDGE = 0.6, 1.25
# A bubble of which less is on the picture cannot be judged.
ENOUGH_SEEN = 0.75


class Mark(NamedTuple):
    """What one field says.

    Attributes:
        value: the answer as a person would write it; "" is blank.
        confidence: 0 … 1, of the least certain bubble.
        flag: "" or why a person should look: "faint" (grey all over), "partial" (dark, but only in part), "smudge"
            (hardly anything), "erased" (something weaker beside a mark), "clipped" (not on the picture).
    """

    field: str
    value: str
    confidence: float
    flag: str


def read_marks(image: npt.NDArray[np.uint8], layout: Layout, placement: Placement) -> list[Mark]:
    """Read every field of a placed page.

    Args:
        image: (height, width) grey page as scanned; it is not warped.
        layout: the sheet; its joined fields are added when the page holds all their parts.
        placement: where the page lies on the image.

    Returns:
        The page's fields in layout order, then its joined fields.
    """
    if not any(field.groups for field in placement.page.fields):
        return []
    bubbles = Bubbles.of(placement.page)
    mean, median, paper, greys, seen = measure(np.ascontiguousarray(image), bubbles.axes(placement), CORE, EDGE)
    white = np.maximum(bubbles.in_groups(paper), 1)
    mean, median = 1 - mean / white, 1 - median / white
    mean[seen < ENOUGH_SEEN] = np.nan
    groups = iter(_judge(learn(mean, median, greys, bubbles), bubbles))
    marks = [_field_mark(field, list(islice(groups, len(field.groups)))) for field in bubbles.fields]
    return marks + _joined_marks(layout.joined, marks)


class _Group(NamedTuple):
    """One group judged: the labels marked in it."""

    labels: list[str]
    confidence: float
    flag: str


def _judge(ink: Ink, page: Bubbles) -> list[_Group]:
    """Decide on every bubble, beside the others of its group."""
    rise = ink.rise
    marked = np.where(ink.stroke, ink.drawn, ink.marked)
    beside = np.maximum.reduceat(np.where(rise > marked, rise, 0), page.start)  # the mark that others stand beside
    marked = np.maximum(marked, max(CLEAR_DOUBLE, ink.sure) * beside[page.group])
    blank = ink.blank_beside(beside[page.group])
    middle = (blank + marked) / 2
    chosen = rise > middle
    doubtful = (rise > blank) & (rise <= marked)
    # The odds of a decision are e^4 : 1 at either end of the doubtful band.
    certainty = 1 / (1 + np.exp(-8 * np.abs(rise - middle) / (marked - blank)))

    taken: list[list[str]] = [[] for _ in page.labels]
    flags = [""] * len(page.labels)
    for bubble in np.flatnonzero(chosen).tolist():
        group = page.group[bubble]
        taken[group].append(page.labels[group][bubble - page.start[group]])
    doubts = np.flatnonzero(doubtful)
    for bubble in doubts[np.argsort(rise[doubts])].tolist():  # the strongest doubt has the last word
        group = page.group[bubble]
        if beside[group]:
            flags[group] = "erased"
        elif not chosen[bubble]:
            flags[group] = "smudge"
        else:
            flags[group] = "partial" if ink.in_part[bubble] else "faint"
    confidence = np.minimum.reduceat(certainty, page.start).tolist()
    for group in page.group[np.isnan(rise)].tolist():
        flags[group], confidence[group] = "clipped", 0.0
    return list(map(_Group, taken, confidence, flags))


def _value(field: Field, groups: Sequence[_Group]) -> str:
    """The marks of a field's groups as one value, by its `join` (see `Field`)."""
    if not any(group.labels for group in groups):
        return ""
    if field.join == "sum":
        total = sum((Decimal(label) for group in groups for label in group.labels), Decimal(0))
        return f"{total.normalize():f}"
    texts = [field.separator.join(group.labels) for group in groups]
    if field.join == "positional":
        texts = [
            text if len(group.labels) == 1 else f"[{text}]" if group.labels else "_"
            for text, group in zip(texts, groups, strict=True)
        ]
    return "".join(texts)


def _first_flag(flags: Sequence[str]) -> str:
    return next((flag for flag in flags if flag), "")


def _field_mark(field: Field, groups: Sequence[_Group]) -> Mark:
    if len(groups) == 1 and field.join == "concat":  # most fields, and most of the time
        return Mark(field.name, field.separator.join(groups[0].labels), groups[0].confidence, groups[0].flag)
    confidence = min(group.confidence for group in groups)
    return Mark(field.name, _value(field, groups), confidence, _first_flag([group.flag for group in groups]))


def _joined_marks(joined: Sequence[Joined], marks: Sequence[Mark]) -> list[Mark]:
    """The joined fields whose parts are all on this page."""
    by_name = {mark.field: mark for mark in marks}
    result = []
    for entry in joined:
        if all(name in by_name for name in entry.fields):
            parts = [by_name[name] for name in entry.fields]
            value = "".join(part.value for part in parts)
            confidence = min(part.confidence for part in parts)
            result.append(Mark(entry.name, value, confidence, _first_flag([part.flag for part in parts])))
    return result
