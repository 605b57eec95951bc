"""Draws on a clean page image what a pupil leaves there: pencil marks, tidy and untidy, and handwriting.

Coordinates are pixels; a page is a uint8 grey array (height, width), darkened in place.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

UNTIDY = ("faint", "half", "tick", "cross", "overrun", "erased", "stray")
"""Kinds of untidy marks. The first five are marks all the same; an erased mark and a stray line are none."""

TEXTURE = 512  # side of the tile of pencil texture
FRACTION = 4  # cv2 draws polygons with 2 to the power of this parts of a pixel
DIRECTIONS = np.array([(0.5, -0.06), (0.5, -0.04), (0.02, 0.5), (0.0, 0.45), (-0.35, 0.4), (0.35, 0.35), (0.15, 0.12)])
"""Of the strokes of handwriting, in characters: 横, 竖, 撇, 捺, 点."""


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
    u, v = rng.integers(0, TEXTURE - max(cut.shape), 2)
    cover = cut * _texture()[v : v + cut.shape[0], u : u + cut.shape[1]]
    spot = page[top:bottom, left:right]
    np.copyto(spot, (spot * (1 - cover * np.float32(darkness / 255))).astype(np.uint8))


def _mask(shape: tuple[int, int], polygon: npt.NDArray[np.float64]) -> Image:
    mask = np.zeros(shape, np.uint8)
    points = np.round(polygon * (1 << FRACTION)).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, FRACTION)
    return mask


def _patch(
    page: Image, x: float, y: float, width: float, height: float, darkness: float, rng: np.random.Generator
) -> None:
    """A scribbled rectangle around (x, y), with uneven corners."""
    pad = 3
    left, top = int(x - width / 2) - pad, int(y - height / 2) - pad
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2) + (x - left, y - top)
    corners += rng.uniform(-0.08, 0.08, (4, 2)) * height
    mask = _mask((int(height) + 2 * pad + 2, int(width) + 2 * pad + 2), corners)
    _shade(page, mask, left, top, darkness, rng)


def _strokes(
    page: Image, strokes: npt.NDArray[np.float64], thickness: int, darkness: float, rng: np.random.Generator
) -> None:
    """Pencil lines (n strokes, n points, 2)."""
    pad = thickness + 2
    low = np.floor(strokes.min(axis=(0, 1))).astype(int) - pad
    high = np.ceil(strokes.max(axis=(0, 1))).astype(int) + pad
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    points = np.round((strokes - low) * (1 << FRACTION)).astype(np.int32)
    cv2.polylines(mask, list(points), False, 255, thickness, cv2.LINE_AA, FRACTION)
    _shade(page, mask, int(low[0]), int(low[1]), darkness, rng)


def mark(
    page: Image, x: float, y: float, width: float, height: float, rng: np.random.Generator, kind: str = ""
) -> None:
    """Mark the bubble around (x, y); `kind` is "" for a tidy mark or one of `UNTIDY`.

    "erased" leaves what an eraser leaves; "stray" draws a line that misses the bubble.
    """
    dark = rng.uniform(0.62, 0.88)
    x += rng.uniform(-0.06, 0.06) * width
    y += rng.uniform(-0.10, 0.10) * height
    size = np.array((width, height))
    match kind:
        case "":
            _patch(page, x, y, width * rng.uniform(0.82, 1.05), height * rng.uniform(0.78, 1.12), dark, rng)
        case "faint":
            _patch(page, x, y, width * 0.9, height * 0.9, rng.uniform(0.28, 0.42), rng)
        case "erased":
            _patch(page, x, y, width * 0.9, height * 0.9, rng.uniform(0.06, 0.14), rng)
        case "half":
            share = rng.uniform(0.45, 0.65)
            side = rng.choice((-1, 1)) * (1 - share) / 2
            _patch(page, x + side * width, y, width * share, height * 0.95, dark, rng)
        case "overrun":
            _patch(page, x, y, width * rng.uniform(1.15, 1.35), height * rng.uniform(1.2, 1.5), dark, rng)
        case "tick":
            shape = np.array([[(-0.45, 0.0), (-0.1, 0.5), (0.55, -0.7)]])
            _strokes(page, shape * size + (x, y), 4, dark, rng)
        case "cross":
            shape = np.array([[(-0.5, -0.55), (0.5, 0.55)], [(-0.5, 0.55), (0.5, -0.55)]])
            _strokes(page, shape * size + (x, y), 4, dark, rng)
        case "stray":
            shape = np.array([[(-0.6, 0.95), (0.0, 0.9 + rng.uniform(0, 0.1)), (0.7, 1.0)]])
            _strokes(page, shape * size + (x, y), 2, dark, rng)
        case _:
            raise ValueError(f"no such kind of mark: {kind!r}")


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
        fixed = np.round(points * (1 << FRACTION)).astype(np.int32)
        cv2.polylines(page, list(fixed), False, 45, 2, cv2.LINE_AA, FRACTION)


def write_digit(page: Image, x: float, y: float, digit: str, height: float, rng: np.random.Generator) -> None:
    """A handwritten digit around (x, y)."""
    scale = height / 22  # Hershey's digits are 21 units high
    left, bottom = x - 9 * scale + rng.uniform(-2, 2), y + height / 2 + rng.uniform(-2, 2)
    cv2.putText(page, digit, (int(left), int(bottom)), cv2.FONT_HERSHEY_SIMPLEX, scale, 50, 1, cv2.LINE_AA)
