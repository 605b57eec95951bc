"""A glance at a few bubbles all over a page: are they where its corner marks say, so that no block need be corrected?

The corner marks of our own sheets leave only what happens between them: paper that curls, a feeder that slips. Those of
another program's form do not say which form it is: there, every block is looked at, and each bubble by itself too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from statistics import median  # of a handful of numbers: ten times as quick as NumPy's

import numpy as np
import numpy.typing as npt

from omr._bubbles import measure
from omr._glance import agreement, likeness, usual_picture
from omr.layout import Page
from omr.placement import IDENTITY, Array, Placement, distances, moves_about
from omr.relief import Block, Map, blocks, outline

BLOCKS, BUBBLES = 7, 7  # at most: of the page, of each block
PIXELS = 8  # shorter side of a bubble in the small pictures looked at
REACH = 0.25  # of a pitch: how far from their places the bubbles are looked for
IN_PLACE = 0.06  # of a pitch: blocks no farther off need no correction
BENT = 0.2  # of a pitch: blocks no farther off need no correction but to be moved, and so do those between them
FLAT = 0.1  # of a pitch: where none is farther off, those between need not be looked at to be moved with them
SMOOTH = 0.15  # of a pitch: no block of bent paper moves more from where the others looked at would have it
NEAR = 0.1  # of a pitch: blocks of another program's form no farther off need no correction but to be moved
FEW = 8  # bubbles of a page that don't tell by themselves that they are bubbles
EACH = 20  # bubbles of a block, at most, that are looked at one by one
PRINTED = 0.15  # likeness to its outline that a bubble has, and that nothing else has where it should be
SEEN = 0.25  # what bubbles of our own sheets have if they are where they are thought to be
WELL = 0.45  # likeness to the outline that bubbles have only where they are
DARK = 0.75  # of the paper's light: bubbles that return less are marked, or partly
FULLY, EDGE = 0.5, 0.9  # see `omr._bubbles.measure`; their outline is left out
SIDES = 0.15  # likeness to the left and right side that only few bubbles fall short of where they are
FARTHEST = 1.0  # of a bubble, or half a pitch: how far bubbles are looked for that are not where they should be
STEPS = np.stack(np.meshgrid(*2 * [np.arange(-8, 9) / 8]), axis=-1).reshape(-1, 2)  # of that
BETTER = 0.1  # of likeness, that bubbles must be seen better elsewhere
# Shares of the bubbles, on the page and in each block, that must be seen: filled ones hide their outline and others.
NEARLY_ALL, MOST = 0.9, 0.7

Image = npt.NDArray[np.uint8]


def at_a_glance(image: Image, placement: Placement) -> Placement | None:
    """The placement of our own sheet as it is, if the blocks looked at are in place; with each block moved as those
    looked at say, if they are near; None if not all blocks of bent paper are to be seen there.

    Args:
        image: grey (h, w).
    """
    image = np.ascontiguousarray(image)
    looks = _looks(placement.page, BLOCKS)
    offs = _offs(image, placement, looks)
    farthest = float(np.abs(offs).max(initial=0))
    few = sum(len(look.block.centres) for look in looks) < FEW
    if farthest <= IN_PLACE:
        return None if few and unseen(image, placement, SEEN) else placement
    if farthest > BENT:
        return None
    names, middles, marks = _places(placement.page)
    known = np.concatenate([marks, [middles[names.index(look.block.name)] for look in looks]])
    pitches = np.array([look.block.pitch for look in looks])
    moved = np.concatenate([np.zeros_like(marks), offs * pitches])
    # A frame beside bubbles may look like them, but paper bends smoothly.
    expected = moves_about(known, known, moved, but_itself=True)[len(marks) :]
    if np.any(np.abs(moved[len(marks) :] - expected) > SMOOTH * pitches):
        return None
    # A place looked at is next to itself, so it goes by what was seen there.
    corrections = np.tile(IDENTITY, (len(names), 1, 1))
    corrections[:, :, 2] += moves_about(middles, known, moved)
    bent = replace(placement, corrections=dict(zip(names, corrections, strict=True)))
    # What is a single row or column may as well have been found between its own sides and a line.
    lines = (off for look, off in zip(looks, offs, strict=True) if not look.several.all())
    if (few or farthest > FLAT or any(np.abs(off).max() > IN_PLACE for off in lines)) and unseen(image, bent, SEEN):
        bent = found_nearby(image, bent)
        return None if unseen(image, bent, SEEN) or strayed(bent) or displaced(image, bent) else bent
    return bent


def unseen(image: Image, placement: Placement, least: float = PRINTED) -> list[str]:
    """Names of the blocks of our own sheet whose bubbles are not seen where the placement has them, or seen better
    nearby.

    Args:
        image: grey (h, w).
        least: likeness by which half of the bubbles looked at must be seen.
    """
    image = np.ascontiguousarray(image)
    lost = []
    for look in _every_look(placement.page):
        here = look.likenesses(image, placement, np.zeros(2))
        middle = median(here)
        if (
            2 * np.count_nonzero(here > least) < len(here)
            or look.between_lines(image, placement, middle)
            or (
                look.doubtful(image, placement, middle)
                and look.nearby(image, placement, np.zeros(2))[1] > middle + BETTER
            )
        ):
            lost.append(look.block.name)
    return lost


def found_nearby(image: Image, placement: Placement) -> Placement:
    """The placement of our own sheet with the blocks moved whose bubbles are not like their outline where they are put.

    A frame's line under a row of bubbles is like their lower sides, and on bent paper nearer to where they should be;
    half a row off, the next row is as near. So these blocks are looked for where those that are seen have moved to,
    nearest first, and no farther from there than half a row.

    Args:
        image: grey (h, w).
    """
    image = np.ascontiguousarray(image)
    _, _, known = _places(placement.page)
    moves = np.zeros_like(known)
    waiting: dict[_Look, float] = {}  # and how like their outline their bubbles are where they are put
    for look in _every_look(placement.page):
        middle = median(look.likenesses(image, placement, np.zeros(2)))
        if look.doubtful(image, placement, middle):
            waiting[look] = middle
        else:
            known = np.append(known, look.middle, axis=0)
            moves = np.append(moves, look.moved(placement), axis=0)
    while waiting:
        look = min(waiting, key=lambda one: distances(one.middle, known).min())
        middle = waiting.pop(look)
        own = look.moved(placement)
        expected = moves_about(look.middle, known, moves)
        step, seen = look.nearby(image, placement, (expected - own)[0])
        if seen <= middle + BETTER:
            step = np.zeros(2)
        correction = placement.corrections.get(look.block.name, IDENTITY) + np.column_stack([np.zeros((2, 2)), step])
        placement = replace(placement, corrections={**placement.corrections, look.block.name: correction})
        known, moves = np.append(known, look.middle, axis=0), np.append(moves, own + step, axis=0)
    return placement


def strayed(placement: Placement) -> list[str]:
    """Names of the blocks of our own sheet that lie half a pitch or more from where those about them have moved: where
    rows or columns follow one another, the next one looks the same."""
    looks = _every_look(placement.page)
    _, _, marks = _places(placement.page)
    known = np.concatenate([marks, *(look.middle for look in looks)])
    moves = np.concatenate([np.zeros_like(marks), *(look.moved(placement) for look in looks)])
    expected = moves_about(known, known, moves, but_itself=True)
    names = []
    for k, look in enumerate(looks, len(marks)):
        if np.any(look.several & (np.abs(moves[k] - expected[k]) >= 0.5 * look.block.pitch)):
            names.append(look.block.name)
    return names


def displaced(image: Image, placement: Placement) -> list[str]:
    """Names of the blocks of our own sheet that are put a whole place beside theirs: where one end of a row or column
    is put there is no bubble, but beyond the other end there is one.

    Args:
        image: grey (h, w).
    """
    image = np.ascontiguousarray(image)
    names = []
    for look in _every_look(placement.page):
        for along in np.flatnonzero(look.several):
            places = look.block.centres[:, along]
            step = look.block.pitch * (np.arange(2) == along)
            first, last = (
                look.block.centres[np.abs(places - end) < step.max() / 2] for end in (places.min(), places.max())
            )
            if any(
                median(look.likenesses_at(image, placement, here)) < PRINTED
                and median(look.likenesses_at(image, placement, beyond)) > WELL
                for here, beyond in ((first, last + step), (last, first - step))
            ):
                names.append(look.block.name)
                break
    return names


def as_printed(image: Image, placement: Placement) -> Placement | None:
    """The placement with each block moved to where its bubbles are seen; None unless all are near their places, and
    nearly each bubble is printed.

    Args:
        image: grey (h, w).
    """
    image = np.ascontiguousarray(image)
    looks = _every_look(placement.page)
    if not looks:
        return None
    offs = _offs(image, placement, looks)
    if np.abs(offs).max() > NEAR:
        return None
    moves = offs * [look.block.pitch for look in looks]
    axes = _axes_of_all(placement, [look.each + move for look, move in zip(looks, moves, strict=True)])
    alike = [likeness(image, each, look.outline) for look, each in zip(looks, axes, strict=True)]
    seen = [np.count_nonzero(one > PRINTED) for one in alike]
    if any(one < MOST * len(all_) for one, all_ in zip(seen, alike, strict=True)) or sum(seen) < NEARLY_ALL * sum(
        map(len, alike)
    ):
        return None
    corrections = np.tile(IDENTITY, (len(looks), 1, 1))
    corrections[:, :, 2] = moves
    names = [look.block.name for look in looks]
    return replace(placement, corrections=dict(zip(names, corrections, strict=True)))


def _offs(image: Image, placement: Placement, looks: Sequence[_Look]) -> Array:
    """(n, 2) how far the bubbles of each block looked at lie from their places, in parts of the pitch."""
    axes = _axes_of_all(placement, [look.places for look in looks])
    return np.array([look.off(image, each) for look, each in zip(looks, axes, strict=True)]).reshape(-1, 2)


def _axes(placement: Placement, places: Array, block: str = "") -> Array:
    """(n, 6) as the kernels want them, of places (3 n, 2) as `_Look` has them."""
    axes = placement.points(places, block).reshape(-1, 3, 2)
    axes[:, 1:] -= axes[:, :1]
    return axes.reshape(-1, 6)


def _axes_of_all(placement: Placement, places: Sequence[Array]) -> list[Array]:
    """`_axes` of each, placed together as that is quicker."""
    ends = list(accumulate(len(some) // 3 for some in places))
    axes = _axes(placement, np.concatenate(places)) if places else np.empty((0, 6))
    return [axes[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, eq=False)
class _Look:
    """What is looked at of a block, and for what.

    Attributes:
        places: (3 n, 2) in layout units: of each bubble its centre, and the next pixel of its picture on the right and
            below.
        each: the same of those that are looked at one by one.
        half, reach: (2,) pixels of the picture: on either side of the centre; how far the bubbles are looked for.
        outline: of a bubble, see `relief.outline`.
        sides: its middle rows, which hold the left and the right side.
        scale: pixels of the picture a layout unit.
    """

    block: Block
    places: Array
    each: Array
    half: npt.NDArray[np.intp]
    reach: npt.NDArray[np.intp]
    outline: Map
    sides: Map
    scale: float

    @classmethod
    def at(cls, block: Block, scale: float) -> _Look:
        shape = outline(block.shape, *(block.size * scale / 2).tolist())
        reach = np.ceil(REACH * block.pitch * scale).astype(np.intp)
        return cls(
            block=block,
            places=_pixels(block.centres[_some(len(block.centres), BUBBLES)], scale),
            each=_pixels(block.centres[_some(len(block.centres), EACH)], scale),
            half=np.array(shape.shape[::-1]) // 2 + reach,
            reach=reach,
            outline=shape,
            sides=_middle_rows(shape),
            scale=scale,
        )

    @property
    def middle(self) -> Array:
        """(1, 2) of the block, in layout units."""
        return np.asarray(self.block.centres.mean(axis=0, keepdims=True))

    @cached_property
    def several(self) -> npt.NDArray[np.bool_]:
        """(2,) whether the block has more than one column, more than one row."""
        return np.asarray(np.ptp(self.block.centres, axis=0) > self.block.size / 2)

    def moved(self, placement: Placement) -> Array:
        """(1, 2) how far the placement moves the middle."""
        correction = placement.corrections.get(self.block.name, IDENTITY)
        return np.asarray(self.middle @ correction[:, :2].T + correction[:, 2] - self.middle)

    def likenesses(self, image: Image, placement: Placement, step: Array) -> Array:
        """(n,) of the bubbles looked at, a step (2,) from where the placement has them."""
        return likeness(image, _axes(placement, self.places + step, self.block.name), self.outline)

    def likenesses_at(self, image: Image, placement: Placement, centres: Array) -> Array:
        """(n,) of bubbles if they had these centres (n, 2) in layout units."""
        return likeness(image, _axes(placement, _pixels(centres, self.scale), self.block.name), self.outline)

    def doubtful(self, image: Image, placement: Placement, middle: float) -> bool:
        """Whether the bubbles looked at, this like their outline where they are put, may as well be something else:
        between two lines the upper and lower sides of bubbles are seen, but not those on the left and right."""
        return middle < WELL or self.sideless(image, placement)

    def between_lines(self, image: Image, placement: Placement, middle: float) -> bool:
        """Whether it is hardly bubbles that are seen where these are put, this like their outline, nor marks."""
        return middle < WELL and self.sideless(image, placement) and not self.filled(image, placement)

    def sideless(self, image: Image, placement: Placement) -> bool:
        """Whether the left and right side of most bubbles looked at are not to be seen."""
        return median(likeness(image, _axes(placement, self.places, self.block.name), self.sides)) < SIDES

    def filled(self, image: Image, placement: Placement) -> bool:
        """Whether half of the bubbles looked at are dark."""
        ends = self.places.reshape(-1, 3, 2)[:, :1] + [(0, 0), (self.block.size[0] / 2, 0), (0, self.block.size[1] / 2)]
        axes = _axes(placement, ends.reshape(-1, 2), self.block.name)
        mean, _, paper, _, _ = measure(image, axes, FULLY, EDGE)
        return bool(2 * np.count_nonzero(mean < DARK * paper) >= len(mean))

    def nearby(self, image: Image, placement: Placement, start: Array) -> tuple[Array, float]:
        """The step (2,) at which the bubbles are most like their outline, a bubble or half a pitch from `start` at
        most, and the median of their likenesses there."""
        reach = np.minimum(FARTHEST * self.block.size, 0.5 * self.block.pitch)
        best, most = start, median(self.likenesses(image, placement, start))
        for step in start + STEPS * reach:
            seen = median(self.likenesses(image, placement, step))
            if seen > most:
                best, most = step, seen
        return best, most

    def off(self, image: Image, axes: Array) -> Array:
        """How far (2,) the bubbles lie from their places, in parts of the pitch.

        As matching is linear, the usual picture of a bubble matched is the usual match.
        """
        usual = usual_picture(image, axes, *self.half)
        near = agreement(usual, self.outline, *self.reach)
        row, column = divmod(int(near.argmax()), near.shape[1])
        top = np.array([_vertex(near[row], column), _vertex(near[:, column], row)])
        return (top - self.reach) / (self.block.pitch * self.scale)


@lru_cache(maxsize=64)
def _looks(page: Page, most: int) -> list[_Look]:
    """Where to look at a page, in so many blocks at most."""
    parts = blocks(page)
    some = parts[_some(len(parts), most)]
    scale = PIXELS / min((float(block.size.min()) for block in some), default=1.0)
    return [_Look.at(block, scale) for block in some]


def _every_look(page: Page) -> list[_Look]:
    """Where to look at a page, in all its blocks."""
    return _looks(page, max(1, len(page.fields)))


@lru_cache(maxsize=64)
def _places(page: Page) -> tuple[list[str], Array, Array]:
    """Names and middles (n, 2) of a page's blocks, and its corner marks (k, 2)."""
    parts = blocks(page)
    marks = np.array([(mark.x, mark.y) for mark in page.fiducials], np.float64).reshape(-1, 2)
    return [block.name for block in parts], np.array([block.centres.mean(axis=0) for block in parts]), marks


def _pixels(centres: Array, scale: float) -> Array:
    """(3 n, 2) `_Look.places` of bubbles with these centres (n, 2)."""
    return np.asarray((centres[:, None] + [(0, 0), (1 / scale, 0), (0, 1 / scale)]).reshape(-1, 2), np.float64)


def _middle_rows(outline: Map) -> Map:
    """A quarter of the rows, zero sum, unit norm."""
    middle, half = len(outline) // 2, max(1, len(outline) // 8)
    rows = outline[middle - half : middle + half + 1]
    rows = rows - rows.mean()
    return np.ascontiguousarray(rows / np.linalg.norm(rows))


def _some(number: int, most: int) -> slice:
    """At most so many of a number of things, evenly spread."""
    return slice(None, None, -(-number // most) or 1)


def _vertex(heights: Map, top: int) -> float:
    """Where the parabola through the highest of the values and its neighbours has its vertex."""
    if not 0 < top < len(heights) - 1:
        return float(top)
    before, highest, after = (float(value) for value in heights[top - 1 : top + 2])
    curvature = before - 2 * highest + after
    return top + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)
