"""What a page says of its own ink: how dark an empty bubble is there, and how much a mark adds.

Nothing is tuned by hand to a kind of sheet, pen or camera; only where a page shows too few marks to learn from does an
expectation stand in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from omr._bubbles import class_medians
from omr.bubbles import PRIOR, Array, Bubbles, usual

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
# A rise below BLANK marks is no mark and above MARKED marks is one; between, a person decides. Empty bubbles reach
# 0.1 of a mark on real scans, pale pencil on a copy has no more than 0.14, what an eraser leaves up to 0.2; half a
# bubble filled gives 0.5, a tick or a cross 0.25 to 0.45.
BLANK, MARKED = 0.13, 0.35
# An eraser leaves grey all over. What is dark in part, so that its median rises less than its mean, was drawn: of that,
# STROKE marks are one, if the median's rise is less than PART of the mean's. (A line pressed into the paper stays when
# all about it is rubbed out.)
STROKE, PART = 0.25, 0.9
# Nor is a rise within this many standard deviations of the page's empty bubbles a mark: a page has hundreds of them,
# and among them heavier letters that are printed but once.
SIGMAS = 7
# However much they scatter, the doubtful band between is no narrower than this, in marks.
BAND = 0.1
# Beside a mark, what is at least this share of it is a second mark; less may be the rest of an erasure.
CLEAR_DOUBLE = 0.5
# Heavy print leaves paper bare, too: where the median is more than this share of the mean, there is more than print.
GREY = 0.5
# A page whose bubbles have fewer greys than this share of their darkness is of two tones; elsewhere edges have many.
TWO_TONES = 0.1
# There, an eraser may leave up to 0.6 of a mark, so that only more than this is surely one.
MARKED_BLACK = 0.65


@dataclass(frozen=True, slots=True)
class Ink:
    """A page's ink model, in darkness.

    Attributes:
        rise: (n,) how much darker each bubble is than an empty one there; NaN where it is not on the picture.
        in_part: (n,) whether a bubble is dark in part, not all over.
        stroke: (n,) whether it is so in such a part that it was drawn.
        grey: (n,) whether a bubble is too grey all over to hold nothing but print.
        mark: what a full mark adds on this page.
        noise: standard deviation of the rise of empty bubbles.
        known: 0 … 1, how well the page's empty bubbles are known.
        sure: share of a full mark that is surely one.
        strong: marks stronger than this say no more of what is blank: what blackens them bleaches pale ones.
        vague: by how much more an empty bubble may rise, as the page shows few of them.
    """

    rise: Array
    in_part: npt.NDArray[np.bool_]
    stroke: npt.NDArray[np.bool_]
    grey: npt.NDArray[np.bool_]
    mark: float
    noise: float
    known: float
    vague: float
    sure: float = MARKED
    strong: float = USUAL_INK

    @property
    def blank(self) -> float:
        """Below this rise a bubble is certainly blank, if there is no mark beside it."""
        nothing = min(max(BLANK * min(self.mark, self.strong), SIGMAS * self.noise), MARKED * self.mark)
        return self.known * nothing - (1 - self.known) * EMPTY_SPREAD

    def blank_beside(self, mark: Array) -> Array:
        """Below this rise a bubble is certainly blank beside such marks (0: none): a strong one says what is none.

        Where empty bubbles are not known, none is. The other of two bubbles alone on a page may have heavy print.

        Args:
            mark: (n,) of each bubble, the rise of the mark that it stands beside.
        """
        vague = np.where((mark > 0) & ~self.grey, self.vague, 0)
        mark = np.maximum(mark, self.mark)
        nothing = np.minimum(np.maximum(BLANK * np.minimum(mark, self.strong), SIGMAS * self.noise), MARKED * mark)
        return self.known * (nothing + vague) - (1 - self.known) * EMPTY_SPREAD

    @property
    def marked(self) -> float:
        """Above this rise a bubble is certainly marked."""
        return self.vague + max(self.sure * self.mark, self.blank + BAND * self.mark, SIGMAS * self.noise)

    @property
    def drawn(self) -> float:
        """Above this rise what was drawn is certainly a mark."""
        return self.vague + max(STROKE * self.mark, self.blank + BAND * self.mark, SIGMAS * self.noise)


def _median(values: Array) -> float:
    """The lower median; of values that aren't few this is many times faster than NumPy's own."""
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])


def _darkest_stand_out(mean: Array, page: Bubbles) -> bool:
    """Whether the darkest of a group mostly stands out from the others, as a mark does, not just as one of them is
    the darkest, be they all marked or all empty. Letters darker than others don't count. Nor may groups where none
    stands out be as dark as what stands out elsewhere: they are marked throughout."""
    dark, _ = class_medians(mean, page.group, len(page.start))
    darkest = np.maximum.reduceat(mean, page.start)
    mean = mean - class_medians(mean, page.letter, page.letters)[0][page.letter]
    middle, _ = class_medians(mean, page.group, len(page.start))
    rows = page.of_three[page.start] & ~np.isnan(np.add.reduceat(mean, page.start))
    above = np.maximum.reduceat(mean, page.start) - middle
    below = middle - np.minimum.reduceat(mean, page.start)
    if np.count_nonzero(rows) < PRIOR or above[rows].mean() < LEAST_CONTRAST:
        return False
    out = rows & (above > LEAST_CONTRAST) & (above > STANDING_OUT * below)
    others = rows & ~out
    if out.any() and others.any() and 2 * _median(dark[others]) > _median(dark[out]) + _median(darkest[out]):
        return False
    return bool(above[rows].sum() > STANDING_OUT * below[rows].sum())


def _print_beside_marks(ink: Ink, page: Bubbles) -> Array:
    """(n,) how much darker than expected the print in each bubble is, told by those of the same print beside a mark.

    Who marks one bubble of a group leaves the others empty, so that what is dark in most of those with the same print
    is the print. One alone says nothing: it may be erased; nor do a few where most are marked.
    """
    marked = ink.rise > ink.marked
    has_mark = np.logical_or.reduceat(marked, page.start)
    beside = np.where(has_mark[page.group] & ~marked, ink.rise, np.nan)
    medians, count = class_medians(beside, page.letter, page.letters)
    most = 2 * count > np.bincount(page.letter, minlength=page.letters)
    heavier = np.where(most & (count > 1), count / (count + 1) * medians, 0)
    return np.maximum(heavier, 0)[page.letter]


def learn(mean: Array, median: Array, greys: Array, page: Bubbles) -> Ink:
    """Learn a page's empty bubbles and marks from all its bubbles.

    Empty bubbles are looked for in the lighter half of each group of three or more. Of a group only those that are
    mostly bare paper are taken, and none if they are not most of that half: then all may be marked, and what seems
    bare be a tick or faint. So neither a row nor a column nor a whole page that is marked throughout passes for empty.
    Their darkness is taken page, block and group in turn, each drawn towards the former, which follows print and light
    as they vary. Then comes the letter's share: what those bubbles with the same print that are surely unmarked have
    in common. Where hardly a bubble is bare, as its print is so heavy, the lighter half is taken for empty all the
    same if the darkest stand out from it.

    Args:
        mean, median: (n,) darkness of each bubble's area; NaN where it is not on the picture.
        greys: (n,) the share of it that is neither paper nor ink; few all over the page are a picture of two tones.
    """
    groups, page_wide = len(page.start), np.zeros_like(page.group)
    middle, _ = class_medians(mean, page.group, groups)
    lighter = (mean <= middle[page.group]) & page.of_three
    candidates = np.add.reduceat(lighter, page.start, dtype=int)
    on_paper = median < MOSTLY_PAPER
    bare = lighter & on_paper
    telling = np.add.reduceat(bare, page.start, dtype=int) > candidates / 2
    if 2 * np.count_nonzero(telling) < np.count_nonzero(candidates) and _darkest_stand_out(
        np.where(telling[page.group], np.nan, mean), page
    ):
        bare, telling, on_paper = lighter, candidates > 0, np.ones_like(bare)
    bare &= telling[page.group]
    empty = np.where(bare, mean, np.nan)
    on_page = float(usual(empty, page_wide, 1, USUAL_EMPTY)[0])
    of_block = usual(empty, page.block, len(page.blocks), on_page)
    of_group = usual(empty, page.group, groups, of_block[page.block[page.start]])
    if not bare.any():  # then the lightest bubble, if lighter than expected, says how dark an empty one is at most
        of_group = np.fmin(of_group, np.fmin.reduceat(mean, page.start))
    rise = mean - of_group[page.group]

    usual_mark = USUAL_INK * (1 - on_page)
    unmarked = np.where(np.abs(rise) < BLANK * usual_mark, rise, np.nan)
    rise -= usual(unmarked, page.letter, page.letters, 0.0)[page.letter]

    full, seen = int(np.count_nonzero(~telling & (candidates > 0))), int(np.count_nonzero(bare))
    known = 1 - min(full, PRIOR) / (min(full, PRIOR) + seen) if full else 1.0
    vague = EMPTY_SPREAD * (PRIOR / (PRIOR + seen)) ** 3
    of_median = median - usual(np.where(bare, median, np.nan), page_wide, 1, 0.0)[0]
    ink = Ink(rise, of_median < rise, of_median < PART * rise, median > GREY * mean, usual_mark, 0.0, known, vague)
    judged = telling[page.group] & on_paper & ~np.isnan(rise)
    for _ in range(3):  # settles in one or two
        before = ink.mark, ink.noise
        unmarked = rise[judged & (rise <= ink.marked)]
        noise = 1.4826 * _median(np.abs(unmarked - _median(unmarked))) if unmarked.size else 0.0
        marks = rise[rise > max(ink.blank, SIGMAS * noise)]
        if marks.size:  # not to be told by heavier letters that are darker than others
            darkest = len(marks) * 9 // 10
            marks = marks[marks > CLEAR_DOUBLE * np.partition(marks, darkest)[darkest]]
        mark = (marks.size * _median(marks) if marks.size else 0.0) + PRIOR * usual_mark
        ink = replace(ink, mark=mark / (marks.size + PRIOR), noise=noise)
        if (ink.mark, ink.noise) == before:
            break
    ink = replace(ink, rise=ink.rise - _print_beside_marks(ink, page))
    if np.nansum(greys) < TWO_TONES * np.nansum(mean):  # what an eraser leaves is then scattered black, not grey
        never = np.zeros_like(ink.in_part)
        ink = replace(ink, in_part=never, stroke=never, sure=MARKED_BLACK, strong=np.inf)
    return ink
