"""Bubbles to marks: what a page's own ink, paper and print say about each bubble, and how sure that is.

Every bubble gets one number, its darkness: how much less light its area returns than the paper around it (0 paper,
1 black). What is printed in a bubble darkens it a little and alike all over a page, a pencil or pen darkens it a lot;
so the page itself tells how dark an empty bubble is and how much a mark adds (`Ink`), and each bubble is judged by
its rise above the empty bubbles beside it, in units of what a mark adds on this page. Only where a page shows too few
marks to learn from does an expectation stand in. Nothing is tuned by hand to a kind of sheet, pen or camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

import numpy as np
import numpy.typing as npt

from omr._bubbles import LEVELS, measure
from omr.layout import Field, Joined, Layout
from omr.placement import Placement

Array = npt.NDArray[np.float64]

# Where a bubble is measured, in half-widths from its centre: fully up to CORE, fading out to EDGE. Beyond 1 because a
# template's box is often smaller than the print and may lie a little off; the ring then stays within all the same.
CORE, EDGE = 0.6, 1.25
# At least half of an empty bubble is bare paper, whatever is printed in it: half of its area is lighter than this.
# Blurred print of a few pixels reaches 0.25; pencil starts at 0.35.
MOSTLY_PAPER = 0.3
# What to expect of a page that does not say: how dark an empty bubble is; which part of the light left a mark takes.
USUAL_EMPTY, USUAL_INK = 0.1, 0.5
# Paper that returns less than this share of its neighbours' light is not in a shadow but written over.
SHADOW = 0.5
# How many bubbles (or marks) of its own it takes for a page, block or row to outweigh the expectation.
PRIOR = 4
# A rise below BLANK marks is no mark and above MARKED marks is one; between, a person decides. Empty bubbles scatter
# up to 0.15 of a mark on poor photographs; half a bubble filled gives 0.5, a tick or a cross 0.2 to 0.4.
BLANK, MARKED = 0.15, 0.35
# Nor is a rise within this many standard deviations of the page's empty bubbles a mark: a page has hundreds of them.
SIGMAS = 5
# Beside a mark, what is weaker by this factor is the rest of an erasure or a slip of the pen; OMR machines do likewise.
# From CLEAR_DOUBLE on it is a second mark.
REMNANT, CLEAR_DOUBLE = 0.25, 0.5
# A bubble of which less is on the picture cannot be judged.
ENOUGH_SEEN = 0.75


@dataclass(frozen=True, slots=True)
class Mark:
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


@dataclass(frozen=True, slots=True)
class Ink:
    """A page's ink model, in darkness.

    Attributes:
        rise: (groups, longest group) how much darker a bubble is than an empty one there; NaN where there is none.
        mark: what a full mark adds on this page.
        noise: standard deviation of the rise of empty bubbles.
    """

    rise: Array
    mark: float
    noise: float

    @property
    def blank(self) -> float:
        """Below this rise a bubble is certainly blank."""
        return max(BLANK * self.mark, SIGMAS * self.noise)

    @property
    def marked(self) -> float:
        """Above this rise a bubble is certainly marked."""
        return self.blank + (MARKED - BLANK) * self.mark


def read_marks(image: npt.NDArray[np.uint8], layout: Layout, placement: Placement) -> list[Mark]:
    """Read every field of a placed page.

    Args:
        image: (height, width) grey page as scanned; it is not warped.
        layout: the sheet; its joined fields are added when the page holds all their parts.
        placement: where the page lies on the image.

    Returns:
        The page's fields in layout order, then its joined fields.
    """
    page = placement.page
    fields = [field for field in page.fields if field.groups]
    if not fields:
        return []
    groups = iter(_judge(image, fields, placement))
    marks = [_field_mark(field, list(islice(groups, len(field.groups)))) for field in fields]
    return marks + _joined_marks(layout.joined, marks)


@dataclass(frozen=True, slots=True)
class _Group:
    """One group judged: the labels marked in it."""

    labels: list[str]
    confidence: float
    flag: str


def _members(fields: Sequence[Field]) -> npt.NDArray[np.intp]:
    """(groups, longest group) the number of each bubble in layout order, -1 beyond a group's end."""
    sizes = np.array([len(group.bubbles) for field in fields for group in field.groups])
    place = np.arange(sizes.max())
    first = np.cumsum(sizes) - sizes
    return np.where(place < sizes[:, None], first[:, None] + place, -1)


def _prints(fields: Sequence[Field]) -> list[tuple[str, float, float]]:
    """What is printed in each bubble, as far as the layout says: its label and size."""
    return [
        (bubble.label, field.width, field.height)
        for field in fields
        for group in field.groups
        for bubble in group.bubbles
    ]


def _axes(fields: Sequence[Field], placement: Placement) -> Array:
    """(bubbles, 6) where each bubble lies, as `measure` wants it; the axes follow turn, skew and perspective."""
    parts: list[Array] = []
    for field in fields:
        centre = np.array([(bubble.x, bubble.y) for group in field.groups for bubble in group.bubbles])
        right, below = centre + np.array([field.width / 2, 0]), centre + np.array([0, field.height / 2])
        middle, side, foot = np.split(placement.points(np.concatenate([centre, right, below]), field.block), 3)
        parts.append(np.hstack([middle, side - middle, foot - middle]))
    return np.concatenate(parts)


def _darkness(levels: npt.NDArray[np.float32], paper: npt.NDArray[np.float32], members: npt.NDArray[np.intp]) -> Array:
    """(2, groups, longest group) mean and median darkness of each bubble, NaN beyond a group's end.

    Light may change along a group, but paper darker than on both sides is written over and takes the lesser of both;
    so does what is too dark for any shadow, at the group's end too.
    """
    own = np.where(members < 0, np.nan, paper[members])
    from_left = np.fmax.accumulate(own, axis=1)
    from_right = np.fmax.accumulate(own[:, ::-1], axis=1)[:, ::-1]
    usual = np.nanmedian(own, axis=1, keepdims=True)
    white = np.maximum(np.where(own < SHADOW * usual, usual, np.minimum(from_left, from_right)), 1)
    grey = (np.arange(LEVELS) + 0.5) * (256 / LEVELS)
    mean = levels @ grey
    median = grey[np.minimum((np.cumsum(levels, axis=1) < 0.5).sum(axis=1), LEVELS - 1)]
    return 1 - np.stack([mean[members], median[members]]) / white


def _towards(values: Array, expected: float, prior: float = PRIOR) -> float:
    """The median of `values` (NaN ignored), drawn towards what is expected the more the fewer there are."""
    known = values[~np.isnan(values)]
    return (len(known) * float(np.median(known)) + prior * expected) / (len(known) + prior) if len(known) else expected


def _ink(mean: Array, median: Array, blocks: npt.NDArray[np.intp], prints: npt.NDArray[np.intp]) -> Ink:
    """Learn a page's empty bubbles and marks from all its bubbles.

    Empty bubbles are looked for in the lighter half of each group of three or more, among those that are mostly bare
    paper, so that neither a column nor a whole page that is marked throughout passes for empty; their darkness is taken
    page, block and row in turn, each drawn towards the former, which follows print and light as they vary. Then comes
    the letter's share: what those bubbles with the same print (`prints`) that are surely unmarked have in common.
    """
    size = np.sum(~np.isnan(mean), axis=1, keepdims=True)
    rank = np.argsort(np.argsort(mean, axis=1), axis=1)  # NaN come last
    empty = np.where((rank < (size + 1) // 2) & (size > 2) & (median < MOSTLY_PAPER), mean, np.nan)
    page = _towards(empty, USUAL_EMPTY)
    level = np.empty(len(mean))
    for block in np.unique(blocks):
        rows = np.flatnonzero(blocks == block)
        usual = _towards(empty[rows], page)
        level[rows] = [_towards(empty[row], usual) for row in rows]
    rise = mean - level[:, None]
    usual_mark = USUAL_INK * (1 - page)
    unmarked = np.where(np.abs(rise) < BLANK * usual_mark, rise, np.nan)
    for letter in range(prints.max() + 1):
        rise[prints == letter] -= _towards(unmarked[prints == letter], 0.0)
    ink = Ink(rise, usual_mark, 0.0)
    for _ in range(3):  # settles in two
        unmarked, marks = rise[rise <= ink.marked], rise[rise > ink.blank]
        noise = 1.4826 * float(np.median(np.abs(unmarked - np.median(unmarked)))) if unmarked.size else 0.0
        ink = Ink(rise, _towards(marks, usual_mark), noise)
    return ink


def _judge(image: npt.NDArray[np.uint8], fields: Sequence[Field], placement: Placement) -> list[_Group]:
    """Measure and judge every group of the page."""
    members = _members(fields)
    names = {name: number for number, name in enumerate(dict.fromkeys(field.block for field in fields))}
    blocks = np.array([names[field.block] for field in fields for _ in field.groups])
    letters = {print_: number for number, print_ in enumerate(dict.fromkeys(_prints(fields)))}
    prints = np.array([*(letters[print_] for print_ in _prints(fields)), -1])[members]  # -1 beyond a group's end
    levels, paper, seen = measure(np.ascontiguousarray(image), _axes(fields, placement), CORE, EDGE)
    mean, median = _darkness(levels, paper, members)
    ink = _ink(mean, median, blocks, prints)

    rise = np.nan_to_num(ink.rise, nan=-1.0)
    strongest = rise.max(axis=1, keepdims=True)
    beside = np.where(strongest > ink.marked, strongest, 0)  # the mark that others of the group stand beside
    blank, marked = np.maximum(ink.blank, REMNANT * beside), np.maximum(ink.marked, CLEAR_DOUBLE * beside)
    middle = (blank + marked) / 2
    chosen = rise > middle
    doubtful = (rise > blank) & (rise <= marked)
    # The odds of a decision are e^4 : 1 at either end of the doubtful band.
    certainty = (1 / (1 + np.exp(-8 * np.abs(rise - middle) / (marked - blank)))).min(axis=1)
    clipped = np.any((members >= 0) & (seen[members] < ENOUGH_SEEN), axis=1)

    labels = [[bubble.label for bubble in group.bubbles] for field in fields for group in field.groups]
    judged = []
    for group, names_ in enumerate(labels):
        flag = ""
        if clipped[group]:
            flag = "clipped"
        elif doubtful[group].any():
            worst = int(np.argmax(np.where(doubtful[group], rise[group], -1)))
            if beside[group, 0]:
                flag = "erased"
            elif not chosen[group, worst]:
                flag = "smudge"
            else:
                flag = "faint" if median[group, worst] > rise[group, worst] else "partial"
        taken = [name for name, on in zip(names_, chosen[group], strict=False) if on]
        judged.append(_Group(taken, 0.0 if clipped[group] else float(certainty[group]), flag))
    return judged


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
