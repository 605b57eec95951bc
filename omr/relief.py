"""Maps that peak where bubbles are printed.

Not every form prints its bubbles in the size and shape that its template says: circles stand for boxes, brackets
about a letter for circles. So the outline is learned from the page: of a family of ellipses, boxes and solid spots of
several sizes, the one that agrees best with the mean picture of a bubble. As matching is linear, the mean picture
matched is the mean of all bubbles matched, at the price of one small picture. The ink of a block filtered with that
outline is the block's map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from omr.layout import Page
from omr.placement import Array, Placement
from omr.shrink import halved, halvings

OUTLINE_SIZES = (0.6, 0.75, 0.9, 1.05, 1.2, 1.4)  # of printed outlines, in parts of the layout's size
LINE = 1.0  # sigma of an outline's stroke on the maps, in pixels
VISIBLE = 0.08  # share of light that print must swallow to be told from paper
RULE = 2.3  # pitches: what runs on for longer is no bubble
BARE = 0.6  # share of bubbles that may be taken for not filled
TEACHERS = 4  # blocks, the largest, from which the outline is learned

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Block:
    """Bubbles printed together: their centres (n, 2), size and pitch (2,), in layout units."""

    name: str
    shape: Literal["box", "ellipse"]
    centres: Array
    size: Array
    pitch: Array


@dataclass(frozen=True, eq=False)
class Relief:
    """The map of a block. Heights are 1 at a bare printed bubble and not above; 0 is what says nothing.

    `centres` (k, 2) are those of the block's bubbles that have any ink about them: with a drop-out colour that the
    scanner does not see, the marks alone.
    """

    block: Block
    heights: Map
    ink: Map  # 0 is paper, 1 the print of a bare bubble and whatever is darker
    origin: Array  # layout coordinates of pixel (0, 0)
    scale: float  # pixels per layout unit
    centres: Array

    def at(self, points: Array) -> Map:
        """Heights at layout coordinates (n, m, 2)."""
        return self._values(self.heights, points)

    def _values(self, of: Map, points: Array) -> Map:
        x, y = np.moveaxis(((points - self.origin) * self.scale).astype(np.float32), -1, 0)
        return cv2.remap(of, x, y, cv2.INTER_LINEAR, borderValue=0.0).reshape(x.shape)

    def likeness(self, centres: Array) -> Callable[[Array], Map]:
        """How like a bubble it is, 0 … 1, at layout coordinates (n, m, 2), if `centres` (k, 2) are those of bubbles.

        Heights tell where about a bubble its middle is, but letters and numbers beside bubbles are nearly as high. What
        is one tells its correlation with the mean bubble, or how solid a blot it is if that is more.
        """
        size = self.block.size * self.scale
        room = np.minimum(1.2 * size, self.block.pitch * self.scale)  # an outline may be larger than in the layout
        half_x, half_y = (int(np.ceil(side / 2)) for side in room)
        usual = _mean_bare(self.ink, (centres - self.origin) * self.scale, (half_x, half_y))
        padded = cv2.copyMakeBorder(self.ink, half_y, half_y, half_x, half_x, cv2.BORDER_CONSTANT, value=0.0)
        alike = cv2.matchTemplate(padded, usual, cv2.TM_CCOEFF_NORMED)
        solid = cv2.blur(self.ink, (int(size[0] * 0.7) | 1, int(size[1] * 0.7) | 1))
        either = np.nan_to_num(np.clip(np.maximum(alike, solid), 0, 1), posinf=0)
        return lambda points: self._values(either, points)

    def climb(self, points: Array, reach: Array) -> tuple[Array, Map]:
        """How each of the points (n, 2) moves (n, 2) to the highest place within `reach` (2,), and the height there."""
        moves = grid(reach, 1 / self.scale)
        heights = self.at(points[:, None, :] + moves[None, :, :])
        best = heights.argmax(axis=1)
        return moves[best], heights[np.arange(len(points)), best]


def grid(reach: Array, step: float) -> Array:
    """All moves (m, 2) up to `reach` (2,) along both axes, `step` apart, no move in their middle."""
    x, y = (np.arange(-int(limit / step), int(limit / step) + 1) * step for limit in reach)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


@lru_cache(maxsize=64)
def blocks(page: Page) -> tuple[Block, ...]:
    """The blocks of a page in layout order."""
    fields = {field.block: field for field in reversed(page.fields)}
    centres: dict[str, list[tuple[float, float]]] = {}
    for field in page.fields:
        centres.setdefault(field.block, []).extend((b.x, b.y) for group in field.groups for b in group.bubbles)
    return tuple(
        _block(name, fields[name].shape, np.array(places), np.array([fields[name].width, fields[name].height]))
        for name, places in centres.items()
        if places
    )


def _block(name: str, shape: Literal["box", "ellipse"], centres: Array, size: Array) -> Block:
    """The pitch is the smallest step from a bubble to the next beside or below it; 1.5 sizes if there is none."""
    pitch = []
    for axis in (0, 1):
        aligned = np.abs(centres[:, None, 1 - axis] - centres[None, :, 1 - axis]) < size[1 - axis] / 2
        steps = np.abs(centres[:, None, axis] - centres[None, :, axis])
        steps = steps[aligned & (steps > size[axis] / 4)]
        pitch.append(steps.min() if steps.size else 1.5 * size[axis])
    return Block(name, shape, centres, size, np.array(pitch))


def reliefs(
    image: Image, placement: Placement, parts: Sequence[Block], *, pixels: int, printed_to_size: bool
) -> list[Relief]:
    """The maps of these blocks under the homography of the placement; blocks without any ink have none.

    Args:
        pixels: shorter side of a bubble on the maps.
        printed_to_size: the print is what the layout says (our own sheets), so that no outline need be learned.
    """
    if not parts:
        return []
    scale = min(2 * placement.scale, pixels / min(float(block.size.min()) for block in parts))
    image, homography = shrunk(image, placement, scale)
    patches = [patch for block in parts if len((patch := _Patch.cut(image, homography, block, scale)).centres)]
    outlines: dict[object, Map] = {}
    result = []
    for patch in patches:
        look = (patch.block.shape, *patch.block.size)
        if look not in outlines:
            alike = [other for other in patches if (other.block.shape, *other.block.size) == look]
            outlines[look] = _as_drawn(patch) if printed_to_size else _learned(alike)
        result.append(patch.relief(outlines[look]))
    return result


def shrunk(image: Image, placement: Placement, scale: float) -> tuple[Image, Array]:
    """The image little finer than the maps, so that sampling it skips nothing much, and the homography to it."""
    times = halvings(placement.scale / scale)
    part = 0.5**times
    to_small = np.array([(part, 0, part / 2 - 0.5), (0, part, part / 2 - 0.5), (0, 0, 1)])
    return halved(image, times), to_small @ placement.homography


@dataclass(frozen=True, eq=False)
class _Patch:
    """The ink of a block and a pitch about it: 0 is paper, 1 the print of a bare bubble and whatever is darker.

    `centres` as in `Relief`.
    """

    block: Block
    ink: Map
    origin: Array  # layout coordinates of pixel (0, 0)
    scale: float  # pixels per layout unit
    centres: Array

    @classmethod
    def cut(cls, image: Image, homography: Array, block: Block, scale: float) -> _Patch:
        margin = block.pitch + block.size
        origin = block.centres.min(axis=0) - margin
        width, height = (int(side) for side in np.ceil((np.ptp(block.centres, axis=0) + 2 * margin) * scale))
        to_layout = np.array([(1 / scale, 0, origin[0]), (0, 1 / scale, origin[1]), (0, 0, 1)])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        grey = cv2.warpPerspective(
            image, homography @ to_layout, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        ink = _without_rules(_ink(np.asarray(grey, np.uint8), block.pitch * scale), block.pitch * scale)
        darkest = _highest(ink, (block.centres - origin) * scale, block.pitch * scale)
        centres = block.centres[darkest > VISIBLE]
        darkness = _bare_darkness(ink, (centres - origin) * scale, block.size * scale)
        return cls(block, np.minimum(ink / darkness, 1), origin, scale, centres)

    def mean(self, half: tuple[int, int]) -> Map:
        """The mean picture (2 half + 1) of a bubble that nobody filled."""
        return _mean_bare(self.ink, (self.centres - self.origin) * self.scale, half)

    def relief(self, outline: Map) -> Relief:
        heights = np.asarray(cv2.filter2D(self.ink, -1, outline), np.float32)
        rough = Relief(self.block, heights, self.ink, self.origin, self.scale, self.centres)
        tops = _highest(heights, (self.centres - self.origin) * self.scale, self.block.pitch * self.scale)
        top = max(float(np.median(tops)), 1e-6)
        return replace(rough, heights=np.minimum(heights / top, 1))


def _mean_bare(ink: Map, places: Array, half: tuple[int, int]) -> Map:
    """The mean picture (2 half + 1) of the lighter bubbles: those that nobody filled."""
    size = (2 * half[0] + 1, 2 * half[1] + 1)
    pictures = np.stack([cv2.getRectSubPix(ink, size, place) for place in places.tolist()])
    lighter = np.argsort(pictures.sum(axis=(1, 2)), kind="stable")[: int(np.ceil(BARE * len(pictures)))]
    return pictures[lighter].mean(axis=0)


def _ink(grey: Image, pitch: Array) -> Map:
    """Share of light that print and pen swallow: 0 paper … 1 black, uneven light taken out."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0.6)
    width, height = (int(side) | 1 for side in np.ceil(pitch))
    paper = cv2.blur(cv2.dilate(smooth, np.ones((height, width), np.uint8)), (width, height))
    return np.clip(1 - smooth.astype(np.float32) / np.maximum(paper, 1), 0, 1)


def _highest(heights: Map, places: Array, pitch: Array) -> Map:
    """The highest value (n,) within half a pitch of each of the places (n, 2), all in pixels."""
    width, height = (int(side) | 1 for side in pitch)
    column, row = np.rint(places).astype(int).T
    return cv2.dilate(heights, np.ones((height, width), np.uint8))[row, column]


def _without_rules(ink: Map, pitch: Array) -> Map:
    """The ink less what runs straight on past several bubbles: the rules of a table, frames, shaded columns."""
    width, height = (int(np.ceil(RULE * side)) for side in pitch)
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, width), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((height, 1), np.uint8))
    return ink - np.maximum(across, down)


def _bare_darkness(ink: Map, centres: Array, size: Array) -> float:
    """How dark a bare bubble's print is: most bubbles are not filled, so the middle one tells. 1 without bubbles."""
    if not len(centres):
        return 1.0
    half_x, half_y = np.ceil(size / 2).astype(int)
    places = np.rint(centres).astype(int)
    boxes = np.stack([ink[y - half_y : y + half_y + 1, x - half_x : x + half_x + 1] for x, y in places])
    return max(float(np.median(np.percentile(boxes.reshape(len(boxes), -1), 90, axis=1))), 1e-3)


def _as_drawn(patch: _Patch) -> Map:
    half = patch.block.size * patch.scale / 2
    return outline(patch.block.shape, float(half[0]), float(half[1]))


def _learned(patches: Sequence[_Patch]) -> Map:
    """The outline that agrees best with the bubbles of these patches, which are of one size in the layout."""
    teachers = sorted(patches, key=lambda patch: -len(patch.centres))[:TEACHERS]
    size = teachers[0].block.size * teachers[0].scale
    pitch = np.min([patch.block.pitch for patch in patches], axis=0) * teachers[0].scale
    reach = [int(side) for side in 0.5 * pitch]
    window = [int(np.ceil(side)) for side in 0.5 * pitch + 0.5 * max(OUTLINE_SIZES) * size + 4 * LINE]
    pictures = [(len(patch.centres), patch.mean((window[0], window[1]))) for patch in teachers]
    inner = np.s_[window[1] - reach[1] : window[1] + reach[1] + 1, window[0] - reach[0] : window[0] + reach[0] + 1]

    def agreement(candidate: Map) -> float:
        return sum(n * float(cv2.filter2D(picture, -1, candidate)[inner].max()) for n, picture in pictures)

    widths, heights = (
        [part * whole / 2 for part in OUTLINE_SIZES if part * whole <= 0.95 * room or part == OUTLINE_SIZES[0]]
        for whole, room in zip(size.tolist(), pitch.tolist(), strict=True)
    )
    shapes = product(("ellipse", "box", "spot"), widths, heights)
    return max((outline(shape, a, b) for shape, a, b in shapes), key=agreement)


@lru_cache(maxsize=256)
def outline(shape: str, a: float, b: float) -> Map:
    """A matched filter of half sides `a`, `b`: ink on the outline (all inside, for a spot), bare paper around it.

    What is inside an outline does not count, so letters and marks there do no harm. Zero sum, unit norm.
    """
    half_x, half_y = int(np.ceil(a + 4 * LINE)), int(np.ceil(b + 4 * LINE))
    y, x = np.mgrid[-half_y : half_y + 1, -half_x : half_x + 1].astype(np.float64)
    if shape == "box":
        outside = np.maximum(np.abs(x) - a, np.abs(y) - b)
    else:
        outside = (np.hypot(x / a, y / b) - 1) * np.sqrt(a * b)
    wanted = np.exp(-((outside / LINE) ** 2) / 2)
    if shape == "spot":
        wanted = np.maximum(wanted, outside < 0)
    bare = np.exp(-(((outside - 2.5 * LINE) / LINE) ** 2) / 2)
    filtered = wanted - bare * wanted.sum() / bare.sum()
    return (filtered / np.linalg.norm(filtered)).astype(np.float32)
