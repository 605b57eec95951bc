"""The bubbles of a page as arrays: where they lie on an image, and the paper about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from omr._bubbles import class_medians, placed
from omr.layout import Field, Page
from omr.placement import IDENTITY, Placement

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Paper that returns less than this share of its neighbours' light is not in a shadow but written over.
SHADOW = 0.7
NEIGHBOURS = 4
# How many bubbles (or marks) of its own it takes for a page, block or row to outweigh the expectation.
PRIOR = 4


@dataclass(frozen=True, slots=True)
class Bubbles:
    """The bubbles of a page as arrays, in layout order.

    Attributes:
        fields: those of the page that have bubbles.
        labels: (groups,) the labels of each group's bubbles.
        ends: (3 n, 2) in layout units: of each bubble its centre, the middle of its right and of its lower side.
        group, block, letter: (n,) numbers of the group, of the block, and of what is printed in the bubble, as far as
            the layout says: its label and size.
        letters: how many letters there are.
        blocks: the blocks' names.
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
    blocks: list[str]
    start: Index
    place: Index
    of_three: npt.NDArray[np.bool_]
    alone: Index
    near: Index

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, page: Page) -> Bubbles:
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
            blocks=list(blocks),
            start=start,
            place=np.concatenate([np.arange(number) for number in size]),
            of_three=np.repeat(size > 2, size),
            alone=alone,
            near=np.array([_nearest(ends[::3], group, one) for one in alone], np.intp).reshape(-1, NEIGHBOURS),
        )

    def axes(self, placement: Placement) -> Array:
        """(n, 6) where each bubble lies, as `measure` wants it; the axes follow turn, skew and perspective."""
        homography = np.ascontiguousarray(placement.homography)
        corrections = np.array([placement.corrections.get(name, IDENTITY) for name in self.blocks])
        return np.asarray(placed(self.ends, corrections, self.block, homography), np.float64)

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
        of_group = usual(paper, self.group, len(self.start), 0.0, prior=0)
        if self.alone.size:
            of_group[self.alone] = np.maximum(of_group[self.alone], np.median(paper[self.near], axis=1))
        whole = of_group[self.group]
        return np.where(paper < SHADOW * whole, whole, np.minimum(from_left, from_right)[self.group, self.place])


def _nearest(centres: Array, group: Index, one: np.integer) -> Index:
    """The NEIGHBOURS bubbles that are nearest to a group's first and of other groups, as far as there are any."""
    far = np.linalg.norm(centres - centres[group == one][0], axis=1)
    far[group == one] += far.max()
    return np.resize(np.argsort(far, kind="stable")[:NEIGHBOURS], NEIGHBOURS)


def usual(values: Array, of: Index, classes: int, expected: float | Array, prior: float = PRIOR) -> Array:
    """(classes,) the lower median of each class's values, drawn towards what is expected the more the fewer there are.

    Args:
        values: (n,), NaN is passed over.
        of: (n,) the class of each value, from 0.
        expected: of all classes or of each.
        prior: how many values the expectation is worth.
    """
    medians, count = class_medians(values, of, classes)
    return (count * medians + prior * expected) / np.maximum(count + prior, 1)
