"""Bubbles to marks: what a page's own ink, paper and print say about each bubble, and how sure that is.

Every bubble gets one number, its darkness: how much less light its area returns than the paper around it (0 paper,
1 black). What is printed in a bubble darkens it a little and alike all over a page, a pencil or pen darkens it a lot;
so the page itself tells how dark an empty bubble is and how much a mark adds (`_Ink`), and each bubble is judged by
its rise above the empty bubbles beside it, in units of what a mark adds on this page. Only where a page shows too few
marks to learn from does an expectation stand in. Nothing is tuned by hand to a kind of sheet, pen or camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from omr._bubbles import class_medians, measure
from omr.layout import Field, Joined, Layout, Page
from omr.placement import Placement

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Where a bubble is measured, in half-widths from its centre: fully up to CORE, fading out to EDGE. Beyond 1 because a
# template's box is often smaller than the print and may lie a little off; the ring then stays within all the same.
CORE, EDGE = 0.6, 1.25
# At least half of an empty bubble is bare paper, whatever is printed in it: half of its area is lighter than this.
# Blurred print of a few pixels reaches 0.25; pencil starts at 0.35.
MOSTLY_PAPER = 0.3
# Of groups of alike bubbles, the darkest is up to twice as far above the (lower) median as the lightest is below it.
STANDING_OUT = 3
# Darkness by which marks stand out from the heaviest print; marks everywhere differ by less.
LEAST_CONTRAST = 0.1
# What to expect of a page that does not say: how dark an empty bubble is; which part of the light left a mark takes.
USUAL_EMPTY, USUAL_INK = 0.1, 0.5
# How much darker than expected an empty bubble may be, where copying or a scanner of two tones thickens the print.
EMPTY_SPREAD = 0.15
# Paper that returns less than this share of its neighbours' light is not in a shadow but written over.
SHADOW = 0.7
NEIGHBOURS = 4
# How many bubbles (or marks) of its own it takes for a page, block or row to outweigh the expectation.
PRIOR = 4
# A rise below BLANK marks is no mark and above MARKED marks is one; between, a person decides. Empty bubbles reach
# 0.1 of a mark on real scans, pale pencil on a copy has no more than 0.14, what an eraser leaves up to 0.2; half a
# bubble filled gives 0.5, a tick or a cross 0.25 to 0.45.
BLANK, MARKED = 0.13, 0.35
# An eraser leaves grey all over. What is dark in part, so that its median rises less than its mean, was drawn: of that,
# STROKE marks are one.
STROKE = 0.25
# Nor is a rise within this many standard deviations of the page's empty bubbles a mark: a page has hundreds of them,
# and among them heavier letters that are printed but once.
SIGMAS = 7
# However much they scatter, the doubtful band between is no narrower than this, in marks.
BAND = 0.1
# Beside a mark, what is at least this share of it is a second mark; less may be the rest of an erasure.
CLEAR_DOUBLE = 0.5
# A page whose bubbles have fewer greys than this share of their darkness is of two tones; elsewhere edges have many.
TWO_TONES = 0.2
# There, an eraser may leave up to 0.6 of a mark, so that only more than this is surely one.
MARKED_BLACK = 0.65
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
    print_ = _Print.of(placement.page)
    mean, median, paper, greys, seen = measure(np.ascontiguousarray(image), print_.axes(placement), CORE, EDGE)
    white = np.maximum(print_.in_groups(paper), 1)
    mean, median = 1 - mean / white, 1 - median / white
    mean[seen < ENOUGH_SEEN] = np.nan
    ink = _ink(mean, median, print_)
    if np.nansum(greys) < TWO_TONES * np.nansum(mean):  # what an eraser leaves is then scattered black, not grey
        ink = replace(ink, in_part=np.zeros_like(ink.in_part), sure=MARKED_BLACK)
    groups = iter(_judge(ink, print_))
    marks = [_field_mark(field, list(islice(groups, len(field.groups)))) for field in print_.fields]
    return marks + _joined_marks(layout.joined, marks)


def _nearest(centres: Array, group: Index, one: np.integer) -> Index:
    """The NEIGHBOURS bubbles that are nearest to a group's first and of other groups, as far as there are any."""
    far = np.linalg.norm(centres - centres[group == one][0], axis=1)
    far[group == one] += far.max()
    return np.resize(np.argsort(far, kind="stable")[:NEIGHBOURS], NEIGHBOURS)


@dataclass(frozen=True, slots=True)
class _Print:
    """The bubbles of a page as arrays, in layout order.

    Attributes:
        fields: those of the page that have bubbles.
        labels: (groups,) the labels of each group's bubbles.
        ends: (3 n, 2) in layout units: of each bubble its centre, the middle of its right and of its lower side.
        group, block, letter: (n,) numbers of the group, of the block, and of what is printed in the bubble, as far as
            the layout says: its label and size.
        letters: how many letters there are.
        blocks: by name, the bubbles of each block.
        start: (groups,) first bubble of each group.
        place: (n,) number of each bubble in its group.
        of_three: (n,) whether it is in a group of three or more.
        alone, near: (small,) groups of fewer; (small, NEIGHBOURS) bubbles of other groups next to each of them.
    """

    fields: list[Field]
    labels: list[list[str]]
    ends: Array
    group: Index
    block: Index
    letter: Index
    letters: int
    blocks: dict[str, Index]
    start: Index
    place: Index
    of_three: npt.NDArray[np.bool_]
    alone: Index
    near: Index

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, page: Page) -> _Print:
        """The bubbles of a page."""
        fields = [field for field in page.fields if field.groups]
        groups = [(field, group.bubbles) for field in fields for group in field.groups]
        size = np.array([len(bubbles) for _, bubbles in groups])
        blocks = {name: number for number, name in enumerate(dict.fromkeys(field.block for field in fields))}
        letters: dict[tuple[str, float, float], int] = {}
        ends = np.array(
            [
                end
                for field, bubbles in groups
                for x, y in ((bubble.x, bubble.y) for bubble in bubbles)
                for end in ((x, y), (x + field.width / 2, y), (x, y + field.height / 2))
            ]
        )
        start = np.cumsum(size) - size
        alone = np.flatnonzero(size < 3)
        group = np.repeat(np.arange(len(groups)), size)
        block = np.repeat([blocks[field.block] for field, _ in groups], size)
        return cls(
            fields=fields,
            labels=[[bubble.label for bubble in bubbles] for _, bubbles in groups],
            ends=ends,
            group=group,
            block=block,
            letter=np.array(
                [
                    letters.setdefault((bubble.label, field.width, field.height), len(letters))
                    for field, bubbles in groups
                    for bubble in bubbles
                ]
            ),
            letters=len(letters),
            blocks={name: np.flatnonzero(block == number) for name, number in blocks.items()},
            start=start,
            place=np.concatenate([np.arange(number) for number in size]),
            of_three=np.repeat(size > 2, size),
            alone=alone,
            near=np.array([_nearest(ends[::3], group, one) for one in alone], np.intp).reshape(-1, NEIGHBOURS),
        )

    def axes(self, placement: Placement) -> Array:
        """(n, 6) where each bubble lies, as `measure` wants it; the axes follow turn, skew and perspective."""
        placed = placement.points(self.ends).reshape(-1, 3, 2)
        for name, own in self.blocks.items():
            if name in placement.corrections:
                placed[own] = placement.points(self.ends.reshape(-1, 3, 2)[own], name).reshape(-1, 3, 2)
        placed[:, 1:] -= placed[:, :1]
        return placed.reshape(-1, 6)

    def in_groups(self, paper: Array) -> Array:
        """The paper (n,) of each bubble, seen together with that of its group.

        Light may change along a group, but paper darker than on both sides is written over and takes the lesser of
        both; so does what is too dark for any shadow, at the group's end too. A group too small to tell is compared
        with the bubbles next to it.
        """
        own = np.full((len(self.start), int(self.place.max()) + 1), -1.0)
        own[self.group, self.place] = paper
        from_left = np.maximum.accumulate(own, axis=1)
        from_right = np.maximum.accumulate(own[:, ::-1], axis=1)[:, ::-1]
        of_group = _usual(paper, self.group, len(self.start), 0.0, prior=0)
        if self.alone.size:
            of_group[self.alone] = np.maximum(of_group[self.alone], np.median(paper[self.near], axis=1))
        usual = of_group[self.group]
        return np.where(paper < SHADOW * usual, usual, np.minimum(from_left, from_right)[self.group, self.place])


@dataclass(frozen=True, slots=True)
class _Ink:
    """A page's ink model, in darkness.

    Attributes:
        rise: (n,) how much darker each bubble is than an empty one there; NaN where it is not on the picture.
        in_part: (n,) whether a bubble is dark in part, not all over.
        mark: what a full mark adds on this page.
        noise: standard deviation of the rise of empty bubbles.
        known: 0 … 1, how well the page's empty bubbles are known.
        sure: share of a full mark that is surely one.
        vague: by how much more an empty bubble may rise, as the page shows few of them.
    """

    rise: Array
    in_part: npt.NDArray[np.bool_]
    mark: float
    noise: float
    known: float
    vague: float
    sure: float = MARKED

    @property
    def blank(self) -> float:
        """Below this rise a bubble is certainly blank."""
        return self.known * min(max(BLANK * self.mark, SIGMAS * self.noise), MARKED * self.mark)

    @property
    def marked(self) -> float:
        """Above this rise a bubble is certainly marked."""
        return self.vague + max(self.sure * self.mark, self.blank + BAND * self.mark, SIGMAS * self.noise)

    @property
    def drawn(self) -> float:
        """Above this rise a bubble that is dark in part is certainly marked."""
        return self.vague + max(STROKE * self.mark, self.blank + BAND * self.mark, SIGMAS * self.noise)


class _Group(NamedTuple):
    """One group judged: the labels marked in it."""

    labels: list[str]
    confidence: float
    flag: str


def _usual(values: Array, of: Index, classes: int, expected: float | Array, prior: float = PRIOR) -> Array:
    """(classes,) the lower median of each class's values, drawn towards what is expected the more the fewer there are.

    Args:
        values: (n,), NaN is passed over.
        of: (n,) the class of each value, from 0.
        expected: of all classes or of each.
        prior: how many values the expectation is worth.
    """
    usual, count = class_medians(values, of, classes)
    return (count * usual + prior * expected) / np.maximum(count + prior, 1)


def _median(values: Array) -> float:
    """The lower median; of values that aren't few this is many times faster than NumPy's own."""
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])


def _darkest_stand_out(mean: Array, page: _Print) -> bool:
    """Whether the darkest of a group mostly stands out from the others, as a mark does, not just as one of them is
    the darkest, be they all marked or all empty. Letters darker than others don't count."""
    mean = mean - class_medians(mean, page.letter, page.letters)[0][page.letter]
    middle, _ = class_medians(mean, page.group, len(page.start))
    rows = page.of_three[page.start] & ~np.isnan(np.add.reduceat(mean, page.start))
    above = np.maximum.reduceat(mean, page.start) - middle
    below = middle - np.minimum.reduceat(mean, page.start)
    if np.count_nonzero(rows) < PRIOR or above[rows].mean() < LEAST_CONTRAST:
        return False
    return bool(above[rows].sum() > STANDING_OUT * below[rows].sum())


def _ink(mean: Array, median: Array, page: _Print) -> _Ink:
    """Learn a page's empty bubbles and marks from all its bubbles.

    Empty bubbles are looked for in the lighter half of each group of three or more. Of a group only those that are
    mostly bare paper are taken, and none if they are not most of that half: then all may be marked, and what seems
    bare be a tick or faint. So neither a row nor a column nor a whole page that is marked throughout passes for empty.
    Their darkness is taken page, block and group in turn, each drawn towards the former, which follows print and light
    as they vary. Then comes the letter's share: what those bubbles with the same print that are surely unmarked have
    in common. Where hardly a bubble is bare, as its print is so heavy, the lighter half is taken for empty all the
    same if the darkest stand out from it.
    """
    groups, page_wide = len(page.start), np.zeros_like(page.group)
    middle, _ = class_medians(mean, page.group, groups)
    lighter = (mean <= middle[page.group]) & page.of_three
    candidates = np.add.reduceat(lighter, page.start, dtype=int)
    bare = lighter & (median < MOSTLY_PAPER)
    telling = np.add.reduceat(bare, page.start, dtype=int) > candidates / 2
    if 2 * np.count_nonzero(telling) < np.count_nonzero(candidates) and _darkest_stand_out(mean, page):
        bare, telling = lighter, candidates > 0
    bare &= telling[page.group]
    empty = np.where(bare, mean, np.nan)
    usual = float(_usual(empty, page_wide, 1, USUAL_EMPTY)[0])
    of_block = _usual(empty, page.block, len(page.blocks), usual)
    of_group = _usual(empty, page.group, groups, of_block[page.block[page.start]])
    rise = mean - of_group[page.group]

    usual_mark = USUAL_INK * (1 - usual)
    unmarked = np.where(np.abs(rise) < BLANK * usual_mark, rise, np.nan)
    rise -= _usual(unmarked, page.letter, page.letters, 0.0)[page.letter]

    full, seen = int(np.count_nonzero(~telling & (candidates > 0))), int(np.count_nonzero(bare))
    known = 1 - min(full, PRIOR) / (min(full, PRIOR) + seen) if full else 1.0
    vague = EMPTY_SPREAD * (PRIOR / (PRIOR + seen)) ** 3
    in_part = median - _usual(np.where(bare, median, np.nan), page_wide, 1, 0.0)[0] < rise
    ink = _Ink(rise, in_part, usual_mark, 0.0, known, vague)
    judged = telling[page.group] & ~np.isnan(rise)
    for _ in range(3):  # settles in two
        unmarked = rise[judged & (rise <= ink.marked)]
        noise = 1.4826 * _median(np.abs(unmarked - _median(unmarked))) if unmarked.size else 0.0
        marks = rise[rise > max(ink.blank, SIGMAS * noise)]
        if marks.size:  # not to be told by heavier letters that are darker than others
            darkest = len(marks) * 9 // 10
            marks = marks[marks > CLEAR_DOUBLE * np.partition(marks, darkest)[darkest]]
        mark = (marks.size * _median(marks) if marks.size else 0.0) + PRIOR * usual_mark
        ink = replace(ink, mark=mark / (marks.size + PRIOR), noise=noise)
    return ink


def _judge(ink: _Ink, page: _Print) -> list[_Group]:
    """Decide on every bubble, beside the others of its group."""
    rise = ink.rise
    marked = np.where(ink.in_part, ink.drawn, ink.marked)
    beside = np.maximum.reduceat(np.where(rise > marked, rise, 0), page.start)  # the mark that others stand beside
    marked = np.maximum(marked, max(CLEAR_DOUBLE, ink.sure) * beside[page.group])
    blank = np.maximum(ink.blank, BLANK * beside[page.group])  # a strong mark says what is nothing beside it
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
    return [_Group(*parts) for parts in zip(taken, confidence, flags, strict=True)]


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
