"""Draws on a clean page image what a pupil leaves there: pencil marks, tidy and untidy, and handwriting.

Coordinates are pixels; a page is a uint8 grey array (height, width), darkened in place. How dark a mark is, is given as
the share of the paper's light that it takes (0 none, 1 black), before the lead's grain, which leaves about a tenth of
the paper bare. On clean scans 2B pencil takes 0.6 to 0.9, a black pen up to 0.95; the grey print of our own empty
bubbles takes about 0.1 of a bubble's light as a whole.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]
Range = tuple[float, float]

UNTIDY = ("faint", "half", "tick", "cross", "overrun", "erased", "stray")
"""Kinds of untidy marks, as `mark` draws them.

faint     the whole bubble, but so lightly that it takes 0.28 to 0.42 of the light: a hard pencil, hardly pressed. It is
          darker than the print of an empty bubble, and half as dark again as the worst that an eraser leaves.
half      one side, or the upper or lower part: 45 to 65 % of the bubble.
tick      ✓ of one line; it begins in the bubble and ends above it.
cross     ✗ from corner to corner.
overrun   scribbled over the outline on all sides, with one line that slips out as far as the next bubble's edge.
erased    another bubble was marked first and rubbed out: streaks that take 0.04 to 0.12 in it, a smear around it. It is
          no mark; nor is it for a person, who sees the mark beside it, or a bubble as pale as no mark on the page.
stray     a line under a bubble, a dot of a resting pencil in an empty one, a slip that cuts a corner of one. No mark.

The first five are marks all the same.
"""
NO_MARKS = ("erased", "stray")

FAINT: Range = (0.28, 0.42)
GHOST: Range = (0.04, 0.12)
DARK: Range = (0.58, 0.92)  # the pupils; the marks of one pupil lie within 0.06 of each other
LINE: Range = (0.45, 0.7)  # mm, of a pencil that is not sharp any more

TEXTURE = 512  # side of the tile of pencil texture
FRACTION = 4  # cv2 draws polygons with 2 to the power of this parts of a pixel
DIRECTIONS = np.array([(0.5, -0.06), (0.5, -0.04), (0.02, 0.5), (0.0, 0.45), (-0.35, 0.4), (0.35, 0.35), (0.15, 0.12)])
"""Of the strokes of handwriting, in characters: 横, 竖, 撇, 捺, 点."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How one pupil marks: what stays alike over a page.

    Attributes:
        darkness: share of the light that a tidy mark takes.
        line: thickness of a pencil line, in pixels.
        fill: "patch" fills the bubble evenly, "zigzag" with lines that leave gaps, "oval" with round ends.
        size: of tidy marks, in bubbles.
    """

    darkness: float
    line: float
    fill: str
    size: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, dot: float) -> Hand:
        """Some pupil's; `dot` is the number of pixels a millimetre."""
        fill = ("patch", "patch", "zigzag", "oval")[int(rng.integers(4))]
        return cls(rng.uniform(*DARK), rng.uniform(*LINE) * dot, fill, rng.uniform(0.88, 1.04))


@functools.cache
def _texture() -> npt.NDArray[np.float32]:
    """How much of the paper's grain the lead covers: short strokes over fine noise, around 0.9, at most 1."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(TEXTURE, TEXTURE)).astype(np.float32)
    strokes = cv2.GaussianBlur(noise, (0, 0), sigmaX=6, sigmaY=0.8)
    grain = cv2.GaussianBlur(noise, (0, 0), 0.7)
    texture = 0.9 + 0.10 * strokes / strokes.std() + 0.06 * grain / grain.std()
    return np.clip(texture, 0, 1).astype(np.float32)


def _shade(page: Image, mask: Image, x: int, y: int, darkness: float, rng: np.random.Generator) -> None:
    """Darken the page under a mask (0…255) whose top left pixel is at (x, y); the mask may stick out of the page."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + mask.shape[0], page.shape[0]), min(x + mask.shape[1], page.shape[1])
    if bottom <= top or right <= left:
        return
    cut = mask[top - y : bottom - y, left - x : right - x]
    u, v = rng.integers(0, max(1, TEXTURE - max(cut.shape)), 2).tolist()
    cover = cut * _texture()[v : v + cut.shape[0], u : u + cut.shape[1]]
    spot = page[top:bottom, left:right]
    np.copyto(spot, (spot * (1 - cover * np.float32(darkness / 255))).astype(np.uint8))


def _area(page: Image, outline: Points, darkness: float, rng: np.random.Generator) -> None:
    """Shade a polygon (n, 2)."""
    low, shape = _frame(outline, 1)
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [_fixed(outline - low)], 255, cv2.LINE_AA, FRACTION)
    _shade(page, mask, int(low[0]), int(low[1]), darkness, rng)


def _lines(page: Image, lines: list[Points], thickness: float, darkness: float, rng: np.random.Generator) -> None:
    """Pencil lines, each (n, 2)."""
    whole = max(1, round(thickness))
    low, shape = _frame(np.concatenate(lines), whole + 1)
    mask = np.zeros(shape, np.uint8)
    cv2.polylines(mask, [_fixed(line - low) for line in lines], False, 255, whole, cv2.LINE_AA, FRACTION)
    _shade(page, mask, int(low[0]), int(low[1]), darkness, rng)


def _frame(points: Points, pad: int) -> tuple[npt.NDArray[np.intp], tuple[int, int]]:
    """The whole pixels that hold the points: top left, and shape."""
    low = np.floor(points.min(axis=0)).astype(np.intp) - pad
    width, height = (np.ceil(points.max(axis=0)).astype(np.intp) + pad + 1 - low).tolist()
    return low, (height, width)


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    return np.round(points * (1 << FRACTION)).astype(np.int32)


_CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
_ROUND = np.column_stack([np.cos(np.linspace(0, 2 * np.pi, 24)), np.sin(np.linspace(0, 2 * np.pi, 24))]) / 2
_TICK = np.array([(-0.40, 0.0), (-0.08, 0.42), (0.50, -0.75)])
_CROSS = np.array([[(-0.45, -0.5), (0.45, 0.5)], [(-0.45, 0.5), (0.45, -0.5)]])


def mark(page: Image, centre: Points, size: Points, hand: Hand, rng: np.random.Generator, kind: str = "") -> None:
    """Mark a bubble.

    Args:
        centre, size: (2,) of the bubble.
        kind: "" for a tidy mark, or one of `UNTIDY`; "erased" leaves what an eraser leaves, "stray" is no mark either.
    """
    dark = min(hand.darkness + rng.uniform(-0.06, 0.06), 0.95)
    middle = centre + rng.uniform(-0.07, 0.07, 2) * size
    match kind:
        case "":
            _fill(page, middle, size * hand.size * rng.uniform(0.93, 1.05, 2), dark, hand, rng)
        case "faint":
            outline = _uneven(_CORNERS, rng) * 0.95 * size + middle
            _area(page, outline, rng.uniform(*FAINT), rng)
        case "half":
            share = rng.uniform(0.45, 0.65)
            upright = bool(rng.integers(2))
            part = size * ((share, 0.98) if upright else (0.98, share))
            aside = (size - part) / 2 * rng.choice((-1, 1))
            _area(page, _uneven(_CORNERS, rng) * part + centre + aside, dark, rng)
        case "tick":
            shape = _TICK * rng.uniform(0.85, 1.2) + rng.normal(0, 0.05, (3, 2))
            _lines(page, [shape * size + middle], hand.line, dark, rng)
        case "cross":
            shape = _CROSS * rng.uniform(0.85, 1.25) + rng.normal(0, 0.05, (2, 2, 2))
            _lines(page, list(shape * size + middle), hand.line, dark, rng)
        case "overrun":
            over = rng.uniform((1.1, 1.15), (1.35, 1.5))
            _area(page, _uneven(_CORNERS, rng) * over * size + middle, dark, rng)
            way = rng.choice((-1, 1))
            slip = np.array(
                [(0.4 * way, rng.uniform(-0.4, 0.4)), (rng.uniform(0.75, 1.0) * way, rng.uniform(-0.6, 0.6))]
            )
            _lines(page, [slip * size + middle], hand.line, dark, rng)
        case "erased":
            _rub_out(page, middle, size, hand, rng)
        case "stray":
            _stray(page, centre, size, hand, dark, rng)
        case _:
            raise ValueError(f"no such kind of mark: {kind!r}")


def _fill(page: Image, middle: Points, size: Points, dark: float, hand: Hand, rng: np.random.Generator) -> None:
    """A tidy mark, in the pupil's way."""
    match hand.fill:
        case "zigzag":
            inner = np.maximum(size - hand.line, 1)
            turns = max(5, int(np.ceil(inner[1] / hand.line)) + 1)
            lines = np.column_stack([np.resize((-0.5, 0.5), turns), np.linspace(-0.5, 0.5, turns)])
            lines += rng.uniform(-0.05, 0.05, lines.shape)
            _lines(page, [lines * inner + middle], hand.line, dark, rng)
        case "oval":
            _area(page, _uneven(_ROUND * 1.08, rng) * size + middle, dark, rng)
        case _:
            _area(page, _uneven(_CORNERS, rng) * size + middle, dark, rng)


def _uneven(outline: Points, rng: np.random.Generator) -> Points:
    """An outline in bubbles as a hand draws it."""
    return outline + rng.uniform(-0.05, 0.05, outline.shape)


def _rub_out(page: Image, middle: Points, size: Points, hand: Hand, rng: np.random.Generator) -> None:
    ghost = rng.uniform(*GHOST)
    _area(page, _uneven(_CORNERS, rng) * size * 0.95 + middle, ghost, rng)
    pressed = np.column_stack([np.linspace(-0.45, 0.45, 3), rng.uniform(-0.4, 0.4, 3)])  # a line pressed into the paper
    _lines(page, [pressed * size + middle], hand.line / 2, ghost, rng)
    smear = rng.uniform(1.2, 1.8, 2) * (1.0, 1.3)
    _area(page, _uneven(_ROUND, rng) * smear * size + middle, ghost * rng.uniform(0.1, 0.2), rng)


def _stray(page: Image, centre: Points, size: Points, hand: Hand, dark: float, rng: np.random.Generator) -> None:
    match int(rng.integers(3)):
        case 0:  # a line under the bubble
            under = np.array([(-0.6, 0.95), (0.0, 0.95), (0.7, 0.95)]) + rng.uniform(-0.06, 0.06, (3, 2))
            _lines(page, [under * size + centre], hand.line / 2, dark, rng)
        case 1:  # a resting pencil's dot
            place = rng.uniform(-0.3, 0.3, 2) * size + centre
            _area(page, _uneven(_ROUND, rng) * hand.line * rng.uniform(0.8, 1.2) + place, dark, rng)
        case _:  # a slip over one corner, outwards
            way = rng.choice((-1, 1), 2)
            slip = np.array([(0.2, 0.55), (0.55, 0.2), (0.9, -0.15)]) * way + rng.uniform(-0.05, 0.05, (3, 2))
            _lines(page, [slip * size + centre], hand.line / 2, dark, rng)


def write(
    page: Image, x: float, y: float, width: float, height: float, size: float, share: float, rng: np.random.Generator
) -> None:
    """Fill a share of a rectangle with lines that look like handwritten Chinese, `size` pixels a character."""
    lines = int(share * height / (1.5 * size))
    for line in range(lines):
        count = int(width / (1.1 * size) * (rng.uniform(0.2, 0.9) if line == lines - 1 else 1))
        if not count:
            continue
        # Five to nine short strokes a character, most of them level, upright or falling, each with a slight bend.
        owner = np.repeat(np.arange(count), rng.integers(5, 10, count))
        start = rng.uniform(0, 0.6, (len(owner), 2))
        reach = rng.choice(DIRECTIONS, len(owner)) * rng.uniform(0.5, 1.3, (len(owner), 1))
        bend = start + reach / 2 + rng.normal(0, 0.04, (len(owner), 2))
        points = np.stack((start, bend, start + reach), axis=1) * size
        points += np.stack((x + owner * 1.1 * size, np.full(len(owner), y + line * 1.5 * size)), axis=1)[:, None]
        cv2.polylines(page, list(_fixed(points)), False, 45, 2, cv2.LINE_AA, FRACTION)


def write_digit(page: Image, x: float, y: float, digit: str, height: float, rng: np.random.Generator) -> None:
    """A handwritten digit around (x, y)."""
    scale = height / 22  # Hershey's digits are 21 units high
    left, bottom = x - 9 * scale + rng.uniform(-2, 2), y + height / 2 + rng.uniform(-2, 2)
    cv2.putText(page, digit, (int(left), int(bottom)), cv2.FONT_HERSHEY_SIMPLEX, scale, 50, 1, cv2.LINE_AA)
