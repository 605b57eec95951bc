"""Local correction: shifts and stretches each block of bubbles onto the bubbles that are printed there.

Templates are a few pixels off, paper stretches, copies drift, photos curl. A shift common to the page is found first,
from the maps of `omr.relief`, then one for each block, then every bubble climbs to the peak near it and an affine map
is fitted to where they went. A bubble never moves by half a pitch from where the page puts it, and a block whose
bubbles do not agree with each other goes with the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from omr.glance import at_a_glance, displaced, found_nearby, strayed, unseen
from omr.layout import Page
from omr.placement import IDENTITY, Array, Placement, Unregistered, distances, moves_about
from omr.relief import Block, Map, Relief, blocks, grid, reliefs

BUBBLE_PIXELS = 12  # shorter side of a bubble on the maps
REACH = 0.45  # of a pitch: the farthest the page's shift moves a bubble, and the farthest a block moves from the page
PAGE_REACHES = (0.45, 0.3, 0.25, 0.2)  # the page may be stretched, so its far bubbles are not near at first
BLOCK_REACHES = (0.35, 0.25, 0.2)
NEAR = 0.15  # of a pitch: a bubble whose peak is this near agrees
AGREEING = 0.6  # share of agreeing bubbles that makes a correction worth having
FOUND = 0.5  # share of agreeing bubbles below which the page is not this layout's
ENOUGH = 8  # bubbles with ink about them that can speak for a block
CAUTION = (
    1.0  # mean height a large block gives up to move by a pitch, a quarter of it for half a pitch; small ones more
)
PRINTED = 0.7  # share of the bubbles of a block with ink about them, where the print is to be seen
BETTER = 0.01  # mean height and likeness by which the next row or column must beat this one to be suspected
CLEARLY = 0.15  # share of the likeness that moving on by a row or column would lose on bare paper, that it must lose
WHOLE_LINE = 0.3  # share of that by which the place beside a block must be better to be suspected
LIKE_BUBBLES = 0.6  # mean height of what is printed that makes it bubbles of the layout
ALIKE = 0.3  # likeness that noise does not reach: twice the spread of its correlation with the mean bubble
SETTLE = 0.2  # of a pitch: how far a block may move to suit the next row or column better
FARTHEST = 0.6  # of a pitch: no correction moves a block farther than this on average
NEIGHBOURS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # columns and rows to go
RIDGE = (4.0, 4.0, 1.0)  # bubbles' worth of belief in: no stretch along x, along y, no shift
LOOSE = 0.1  # of a pitch: farther off, a bubble pulls less

Image = npt.NDArray[np.uint8]


def align(image: Image, placement: Placement, *, printed_to_size: bool = False, by_bubbles: bool = False) -> Placement:
    """The placement with a correction for each block; what the print does not support stays as it was.

    The residual becomes the bubbles', unless the print is to size: then it stays that of the corner marks.

    Args:
        image: grey (h, w).
        printed_to_size: the print is as the layout says (our own sheets), so a quick look may show all in place.
        by_bubbles: nothing but the bubbles themselves speaks for the placement, so that it must be clearly better than
            one a row or column farther on, not just as good.

    Raises:
        Unregistered: bubbles are printed, but not where the layout has them, or a whole row or column farther on.
    """
    if printed_to_size and (settled := at_a_glance(image, placement)):
        return settled
    parts = blocks(placement.page)
    maps = reliefs(image, placement, parts, pixels=BUBBLE_PIXELS, printed_to_size=printed_to_size)
    if not maps:
        if printed_to_size:
            return placement
        raise Unregistered("not_registered", "nothing is printed or marked where the layout has its bubbles")
    if printed_to_size:
        corrections = _from_the_corners(maps, placement.page)
        large = [one for one in maps if len(one.block.centres) >= ENOUGH]
        placed = [_Placed.of(one, corrections[one.block.name]) for one in large]
        _refuse_neighbour(placed, len(parts), by_bubbles=False)
        followed = found_nearby(image, replace(placement, corrections=corrections))
        _refuse_lost(unseen(image, followed) or strayed(followed) or displaced(image, followed))
        return followed
    page = _fit(maps, _shifted(IDENTITY, _best_shift([_softened(one) for one in maps])), PAGE_REACHES)
    if _agreement(maps, page) < _agreement(maps, IDENTITY):
        page = IDENTITY
    corrections = {block.name: page for block in parts} | {one.block.name: _of_block(one, page) for one in maps}
    _refuse_stranger(maps, corrections)
    placed = [_Placed.of(one, corrections[one.block.name]) for one in maps]
    _refuse_neighbour(placed, len(parts), by_bubbles=by_bubbles)
    inked = float(np.concatenate([one.fit(one.relief.centres) for one in placed]).mean())
    if inked < LIKE_BUBBLES:
        raise Unregistered("not_registered", f"only {inked:.0%} of what is printed look like bubbles: another form")
    fit = sum(float(one.fit(one.relief.block.centres).sum()) for one in placed)
    return replace(
        placement,
        corrections=corrections,
        residual=_residual(maps, corrections),
        fit=fit / sum(len(block.centres) for block in parts),
    )


def _from_the_corners(maps: Sequence[Relief], page: Page) -> dict[str, Array]:
    """The corrections of our own sheet's blocks, on paper that is not flat.

    The corner marks are where they were found. From there the blocks are corrected one after the other, nearest first,
    and each is looked for where those about it have moved: however far paper bends, from one block to the next it
    does so by less than would lead to a neighbouring row.
    """
    known = np.array([(mark.x, mark.y) for mark in page.fiducials])
    moves = np.zeros_like(known)
    corrections: dict[str, Array] = {}
    waiting = list(maps)
    while waiting:
        one = min(waiting, key=lambda relief: distances(_ends(relief.block), known).min())
        waiting.remove(one)
        ends = _ends(one.block)
        own = _of_block(one, _shifted(IDENTITY, moves_about(ends, known, moves).mean(axis=0)))
        corrections[one.block.name] = own
        known, moves = np.concatenate([known, ends]), np.concatenate([moves, _apply(own, ends) - ends])
    for block in blocks(page):
        if block.name not in corrections:
            corrections[block.name] = _shifted(IDENTITY, moves_about(_ends(block), known, moves).mean(axis=0))
    return corrections


def _ends(block: Block) -> Array:
    """The corners (4, 2) of a block."""
    (left, top), (right, bottom) = block.centres.min(axis=0), block.centres.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _of_block(relief: Relief, page: Array) -> Array:
    """The correction of one block, or the page's if the block's bubbles do not agree on a better one."""
    shift = _best_shift([_softened(relief)], page)
    own = _fit([relief], _shifted(page, shift), BLOCK_REACHES)
    centres = relief.block.centres
    moved = np.abs(_apply(own, centres) - _apply(page, centres)) / relief.block.pitch
    agreement = _agreement([relief], own)
    if moved.max() > 0.5 or agreement < AGREEING or agreement < _agreement([relief], page):
        return page
    return own


def _softened(relief: Relief) -> Relief:
    """The map with peaks wide enough for bubbles that are not all off by the same."""
    sigma = float(relief.block.pitch.min()) * relief.scale / 10
    return replace(relief, heights=np.asarray(cv2.GaussianBlur(relief.heights, (0, 0), sigma), np.float32))


def _best_shift(maps: Sequence[Relief], start: Array = IDENTITY) -> Array:
    """The shift (2,) from `start` that suits the bubbles best; less than half of the smallest pitch."""
    reach = REACH * np.min([one.block.pitch for one in maps], axis=0)
    moves = grid(reach, float(reach.min()) / 12)
    score = np.zeros(len(moves))
    for one in maps:
        cost = CAUTION * (1 + ENOUGH / len(one.centres)) * np.sum((moves / one.block.pitch) ** 2, axis=1)
        score += len(one.centres) * (_mean_heights(one, start, moves) - cost)
    return moves[np.argmax(score)]


def _mean_heights(relief: Relief, affine: Array, moves: Array) -> Array:
    """Mean height (m,) of the block's bubbles after each of the moves (m, 2)."""
    return relief.at(_apply(affine, relief.centres)[:, None, :] + moves[None, :, :]).mean(axis=0)


def _fit(maps: Sequence[Relief], start: Array, reaches: Sequence[float]) -> Array:
    """The affine map (2, 3) near `start` that brings the bubbles of these maps onto their peaks: robust ridge.

    Args:
        reaches: how far, in parts of the pitch, a bubble may climb in each round.
    """
    centres = np.concatenate([one.centres for one in maps])
    pitch = np.concatenate([np.broadcast_to(one.block.pitch, one.centres.shape) for one in maps])
    middle, spread = centres.mean(axis=0), np.ptp(centres, axis=0) / 2
    spread[spread == 0] = 1  # a single row or column: its stretch stays unknown, and nought
    design = np.column_stack([(centres - middle) / spread, np.ones(len(centres))])
    affine = start
    for reach in reaches:
        moves, heights = _climbs(maps, affine, reach)
        off = np.linalg.norm((moves - np.median(moves, axis=0)) / pitch, axis=1)
        weight = np.maximum(heights, 0) / np.maximum(1, off / LOOSE)
        wanted = _apply(affine, centres) + moves - _apply(start, centres)
        normal = design.T @ (weight[:, None] * design) + np.diag(RIDGE)
        change = np.linalg.solve(normal, design.T @ (weight[:, None] * wanted))
        linear = change[:2].T / spread
        affine = start + np.column_stack([linear, change[2] - linear @ middle])
    return affine


def _climbs(maps: Sequence[Relief], affine: Array, reach: float) -> tuple[Array, Array]:
    """Moves (n, 2) of all bubbles to their peaks and the heights (n,) there; `reach` in parts of the pitch."""
    climbs = [one.climb(_apply(affine, one.centres), reach * one.block.pitch) for one in maps]
    return np.concatenate([moves for moves, _ in climbs]), np.concatenate([heights for _, heights in climbs])


def _agreement(maps: Sequence[Relief], affine: Array) -> float:
    """Share of bubbles that have their peak near them."""
    pitch = np.concatenate([np.broadcast_to(one.block.pitch, one.centres.shape) for one in maps])
    moves, heights = _climbs(maps, affine, REACH)
    return float(np.mean((np.abs(moves / pitch).max(axis=1) <= NEAR) & (heights > 0.3)))


def _refuse_stranger(maps: Sequence[Relief], corrections: dict[str, Array]) -> None:
    """Make sure that what is printed are these bubbles, on the whole and in every block that has enough to tell."""
    agreements = [_agreement([one], corrections[one.block.name]) for one in maps]
    share = float(np.average(agreements, weights=[len(one.centres) for one in maps]))
    if share < FOUND:
        raise Unregistered(
            "not_registered",
            f"only {share:.0%} of what is printed are bubbles of the layout: another form, or badly cut",
        )
    _refuse_lost(
        [
            one.block.name
            for one, agreement in zip(maps, agreements, strict=True)
            if (agreement < FOUND / 2 and len(one.centres) >= ENOUGH)
            or _moved(one, corrections[one.block.name]) > FARTHEST
        ]
    )


def _refuse_lost(names: Sequence[str]) -> None:
    """Make sure that there are no such blocks."""
    if names:
        told = ", ".join(names)
        raise Unregistered("not_registered", f"the bubbles of block {told} are not where the layout has them")


def _moved(relief: Relief, correction: Array) -> float:
    """How far the middle of the block moves, in parts of the pitch."""
    middle = relief.block.centres.mean(axis=0, keepdims=True)
    return float((np.abs(_apply(correction, middle) - middle) / relief.block.pitch).max())


@dataclass(frozen=True, eq=False)
class _Placed:
    """A block where it is put, with the map of what is like a bubble if it is."""

    relief: Relief
    correction: Array
    likeness: Callable[[Array], Map]

    @classmethod
    def of(cls, relief: Relief, correction: Array) -> _Placed:
        return cls(relief, correction, relief.likeness(_apply(correction, relief.centres)))

    def fit(self, centres: Array) -> Array:
        """How high the map is, 0 … 1, at these bubbles (n,); 0 where nothing is like a bubble."""
        places = _apply(self.correction, centres)[:, None, :]
        alike = self.likeness(places) > ALIKE
        return (alike * np.maximum(self.relief.at(places), 0))[:, 0].astype(np.float64)

    def worse_beside(self) -> Array:
        """By how much (2, 4) each neighbouring place is worse, in mean likeness and height."""
        here = self._evidence(np.zeros(2))
        beside = [self._evidence(np.array(step) * self.relief.block.pitch) for step in NEIGHBOURS.values()]
        return (here - np.array(beside)).T

    def _evidence(self, step: Array) -> Array:
        """Mean likeness and height of the block's bubbles so far (2,) from their places, there or near there."""
        centres = _apply(self.correction, self.relief.block.centres + step)[:, None, :]
        near = grid(SETTLE * self.relief.block.pitch, 1 / self.relief.scale)
        return np.array([values(centres + near).mean(axis=0).max() for values in (self.likeness, self.relief.at)])


def _refuse_neighbour(placed: Sequence[_Placed], number: int, *, by_bubbles: bool) -> None:
    """Rows and columns repeat: make sure that the next one is not the one meant, of the page or of a block.

    Here a bubble without ink speaks, too, against the place where it should be; not so where hardly any is printed.
    """
    printed = [one for one in placed if len(one.relief.centres) >= PRINTED * len(one.relief.block.centres)]
    if by_bubbles and len(printed) < number:
        raise Unregistered("not_registered", "too few bubbles of a block are to be seen to find the page by them alone")
    if not printed:
        return
    parts = tuple(one.relief.block for one in printed)
    worse = np.array([one.worse_beside() for one in printed])
    likeness, height = np.average(worse, axis=0, weights=[len(block.centres) for block in parts])
    beside = likeness < CLEARLY * np.array(_lost(parts)) if by_bubbles else np.maximum(likeness, height) < -BETTER
    for way in np.array(list(NEIGHBOURS))[beside]:
        raise Unregistered(
            "not_registered", f"the bubbles seem to lie a whole place farther {way} than the layout has them"
        )
    line = WHOLE_LINE * np.array([_lost((block,)) for block in parts])
    strayed = np.any((worse[:, 0] if by_bubbles else worse.max(axis=1)) < -line, axis=1)
    if np.any(strayed):
        names = ", ".join(block.name for block, stray in zip(parts, strayed, strict=True) if stray)
        raise Unregistered("not_registered", f"the bubbles of block {names} seem to lie a place beside the layout's")


@lru_cache(maxsize=64)
def _lost(parts: tuple[Block, ...]) -> tuple[float, ...]:
    """Share of the bubbles that would come to lie where the layout has none, if all moved on to each neighbour."""
    centres = np.concatenate([block.centres for block in parts])
    pitch = np.concatenate([np.broadcast_to(block.pitch, block.centres.shape) for block in parts])
    shares = []
    for step in NEIGHBOURS.values():
        apart = np.abs((centres + np.array(step) * pitch)[:, None] - centres[None])
        shares.append(float(np.mean(~np.any(np.all(apart < pitch / 2, axis=2), axis=1))))
    return tuple(shares)


def _residual(maps: Sequence[Relief], corrections: dict[str, Array]) -> float:
    """RMS distance, in layout units, of the agreeing bubbles from their peaks."""
    squares = []
    for one in maps:
        moves, _ = one.climb(_apply(corrections[one.block.name], one.centres), NEAR * one.block.pitch)
        squares.append(np.sum(moves**2, axis=1))
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def _apply(affine: Array, points: Array) -> Array:
    return points @ affine[:, :2].T + affine[:, 2]


def _shifted(affine: Array, shift: Array) -> Array:
    return affine + np.column_stack([np.zeros((2, 2)), shift])
