"""Registration by nothing but the printed bubbles, whichever way the page lies, whatever is cut off or added around it.

The bubbles of a layout are a constellation that the page must show somewhere. The page is turned so that its print runs
level; for every size that it may have, and every quarter turn, its spots as large as a bubble are compared with the
constellation in all places at once. The best places are then grown: from where the bubbles agree best outwards, so that
stretch and perspective, which put the far ones a whole row off, are followed step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from omr.align import NEIGHBOURS
from omr.layout import Layout, Page
from omr.placement import Array, Placement, project, quarter_turn
from omr.reference import paper_like
from omr.relief import Block, blocks, grid
from omr.shrink import halved, halvings

SEARCH_PIXELS = 1500  # least longer side of the picture searched: bubbles must stay closed rings
PRINT = 0.12  # share of light that print swallows at least
FILL_STEP = 1.4  # from one size of what is filled in to the next
SKEW_PIXELS = 500  # longer side of the picture whose skew is measured
PITCH_PIXELS = 6.0  # smallest pitch on the maps
SMALLEST, LARGEST = 0.4, 1.4  # size of the page, in parts of one that just fits the picture: in a photo it is smaller,
# with its margins cut larger
STEP = 1.03  # from one size to the next: half of that error puts a bubble 20 pitches off less than half a pitch away
PEAKS = 2  # places looked at for each size and turn
GROWN, KEPT = 16, 4  # places that are grown, and of them those for a closer look: at least,
WORK = 2000  # and more of a page of few bubbles, which is easily mistaken and quickly looked at: for so many in all
LIMIT = 2.0  # of a spot's height, in parts of what is usual about it: a blot says no more than a bubble
SEED = 4.0  # pitches: radius of the first bubbles that are fitted
GROWTH = 1.5  # of the radius, from one fit to the next
WIDE, TELLING = 0.5, 20  # part of the way to the farthest bubble, and bubbles, from which perspective shows
REACH = 0.4  # of a pitch: how far a bubble may be from where its neighbours have it
DRAWS = 107  # of four bubbles: if half of all agree, as on a page they must, one draw is of such (99.9 %)

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Stars:
    """The bubbles of a page: centres (n, 2) from the top left one's corner on, usual size and smallest pitch (2,)."""

    centres: Array
    origin: Array
    size: Array
    pitch: Array

    @classmethod
    def of(cls, parts: tuple[Block, ...]) -> _Stars:
        centres = np.concatenate([part.centres for part in parts])
        counts = [len(part.centres) for part in parts]
        largest = parts[int(np.argmax(counts))]
        origin = centres.min(axis=0)
        return cls(centres - origin, origin, largest.size, np.min([part.pitch for part in parts], axis=0))

    @property
    def scale(self) -> float:
        """Map pixels per layout unit."""
        return PITCH_PIXELS / float(self.pitch.min())

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height."""
        width, height = np.ptp(self.centres, axis=0).tolist()
        return width, height

    def picture(self) -> Map:
        """A point for every bubble; they sum to 1."""
        width, height = (int(np.ceil(side * self.scale)) + 1 for side in self.extent)
        result = np.zeros((height, width), np.float32)
        x, y = np.rint(self.centres * self.scale).astype(int).T
        np.add.at(result, (y, x), 1 / len(self.centres))
        return result


@dataclass(frozen=True, eq=False)
class _Place:
    """A place for the constellation: how well it agrees, and the maps it was found on.

    Attributes:
        spots: a map of the picture.
        to_spots: (3, 3) layout to pixels of the map, of the constellation's own frame.
        to_image: (3, 3) pixels of the map to those of the picture.
    """

    agreement: float
    spots: Map
    to_spots: Array
    to_image: Array


def rounds(image: Image, layout: Layout) -> Iterator[list[Placement]]:
    """Where the pages of the layout may lie, the best first: upright or upside down, then on either side.

    A picture wider than high is taken for one of a page that is so, too, and then for one of a page that is not.

    Args:
        image: grey (h, w).
    """
    times = halvings(max(image.shape) / SEARCH_PIXELS)
    part = 2.0**times
    to_image = np.array([(part, 0, (part - 1) / 2), (0, part, (part - 1) / 2), (0, 0, 1)])
    image = halved(image, times)
    skew = _skew(image)
    lying = (image.shape[1] > image.shape[0]) != (layout.width > layout.height)
    for turn in (90, 0) if lying else (0, 90):
        yield _round(image, layout, skew + turn, to_image)


def _round(image: Image, layout: Layout, degrees: float, to_image: Array) -> list[Placement]:
    """The best places on a picture turned back by so much, or by 180° more."""
    found = [
        (place.agreement, page, stars, place)
        for page in layout.pages
        if (parts := blocks(page))
        for stars in [_Stars.of(parts)]
        for place in _places(image, layout, stars, degrees)
    ]
    found.sort(key=lambda one: -one[0])
    bubbles = max((len(stars.centres) for _, _, stars, _ in found), default=1)
    kept = max(KEPT, WORK // bubbles)
    grown = [(_grown(place, stars), page, stars) for _, page, stars, place in found[: GROWN // KEPT * kept]]
    grown.sort(key=lambda one: -one[0].agreement)
    result: list[Placement] = []
    for place, page, stars in grown:
        placement = _placement(place, page, stars, layout, to_image)
        fits_paper = paper_like(placement.homography, (layout.width, layout.height))
        if fits_paper and not any(same(placement, other) for other in result):
            result.append(placement)
    return result[:kept]


def _placement(place: _Place, page: Page, stars: _Stars, layout: Layout, to_image: Array) -> Placement:
    to_stars = np.array([(1, 0, -stars.origin[0]), (0, 1, -stars.origin[1]), (0, 0, 1)])
    homography = to_image @ place.to_image @ place.to_spots @ to_stars
    return Placement(page, quarter_turn(homography, layout.width, layout.height), 0.0, homography)


def neighbours(placement: Placement) -> list[Placement]:
    """The page a column or row of its largest block farther on, each way."""
    pitch = max(blocks(placement.page), key=lambda block: len(block.centres)).pitch
    result = []
    for step in NEIGHBOURS.values():
        x, y = np.array(step) * pitch
        moved = placement.homography @ np.array([(1, 0, x), (0, 1, y), (0, 0, 1)])
        result.append(Placement(placement.page, placement.rotation, 0.0, moved))
    return result


def upside_down(placement: Placement) -> Placement:
    """The page turned by 180° about the middle of its bubbles: regular rows look the same so."""
    centres = np.concatenate([block.centres for block in blocks(placement.page)])
    x, y = centres.min(axis=0) + centres.max(axis=0)
    turned = placement.homography @ np.array([(-1, 0, x), (0, -1, y), (0, 0, 1)])
    return Placement(placement.page, (placement.rotation + 180) % 360, 0.0, turned)


def same(one: Placement, other: Placement) -> bool:
    """Whether two placements put every block of the same page in the same place, by less than half a pitch."""
    if one.page is not other.page:
        return False
    to_layout = np.linalg.inv(other.homography).astype(np.float64)
    for block in blocks(one.page):
        here, there = (project(to_layout, place.points(block.centres, block.name)) for place in (one, other))
        if np.any(np.abs(here - there) > block.pitch / 2):
            return False
    return True


def _skew(image: Image) -> float:
    """Degrees, -45 … 45, by which the print runs clockwise from level or plumb: where its profile is sharpest."""
    small = halved(image, halvings(max(image.shape) / SKEW_PIXELS))
    ink = _ink(small, 8.0)
    side = int(np.hypot(*ink.shape)) + 2

    def sharpness(degrees: float) -> float:
        turn = cv2.getRotationMatrix2D(((ink.shape[1] - 1) / 2, (ink.shape[0] - 1) / 2), degrees, 1)
        turn[:, 2] += (side - ink.shape[1]) / 2, (side - ink.shape[0]) / 2
        level = cv2.warpAffine(ink, turn, (side, side))
        return sum(float(np.sum(np.diff(level.sum(axis=axis)) ** 2)) for axis in (0, 1))

    rough = max(np.arange(-45.0, 45.0), key=sharpness)
    return float(max(rough + np.arange(-0.8, 0.9, 0.2), key=sharpness))


def _ink(grey: Image, reach: float) -> Map:
    """Share of light swallowed, 0 … 1, beside the brightest within `reach` pixels."""
    side = int(reach) | 1
    paper = cv2.blur(cv2.dilate(grey, np.ones((side, side), np.uint8)), (side, side))
    return np.clip(1 - grey.astype(np.float32) / np.maximum(paper, 1), 0, 1)


def _filler(image: Image) -> Callable[[float], Image]:
    """Makes pictures in which bare paper enclosed by print, up to so many pixels wide and high, is filled in: hollow
    bubbles become spots. As few as do for all sizes, each a little larger than the last.
    """
    ink = _ink(image, max(image.shape) / 40) > PRINT
    _, names, boxes, _ = cv2.connectedComponentsWithStats((~ink).astype(np.uint8), connectivity=4)
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    sides[0] = max(image.shape)  # the print itself
    dark = np.uint8(np.median(image[ink]) if ink.any() else 0)

    @lru_cache
    def filled(step: int) -> Image:
        return np.where((sides <= FILL_STEP**step)[names], dark, image)

    return lambda side: filled(int(np.ceil(np.log(side) / np.log(FILL_STEP))))


def _places(image: Image, layout: Layout, stars: _Stars, degrees: float) -> Iterator[_Place]:
    """The best places for the page, of every size, on a picture turned back by so much or by 180° more."""
    picture, filled = stars.picture(), _filler(image)
    lying = round(degrees / 90) % 2 == 1
    width, height = (layout.height, layout.width) if lying else (layout.width, layout.height)
    fitting = min(image.shape[1] / width, image.shape[0] / height)
    steps = int(np.log(LARGEST / SMALLEST) / np.log(STEP)) + 1
    for size in fitting * SMALLEST * STEP ** np.arange(steps):
        bubbles = filled(float(stars.size.max()) * size)
        level, to_image = _levelled(bubbles, degrees, stars.scale / size)
        spots = _spots(level, stars)
        for half in (False, True):
            if half:
                last = np.array(spots.shape[::-1]) - 1.0
                spots = np.ascontiguousarray(spots[::-1, ::-1])
                to_image = to_image @ np.array([(-1, 0, last[0]), (0, -1, last[1]), (0, 0, 1)])
            for agreement, x, y in _peaks(spots, picture):
                to_spots = np.array([(stars.scale, 0, x), (0, stars.scale, y), (0, 0, 1.0)])
                yield _Place(agreement, spots, to_spots, to_image)


def _levelled(image: Image, degrees: float, part: float) -> tuple[Image, Array]:
    """The picture turned back and resized to this part of itself, and the map (3, 3) from its pixels to the whole."""
    times = halvings(1 / part)
    small = halved(image, times)
    left = part * 2**times
    turn = cv2.getRotationMatrix2D((0, 0), degrees, left)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * small.shape[::-1] @ turn[:, :2].T
    low, high = corners.min(axis=0), corners.max(axis=0)
    turn[:, 2] -= low
    width, height = (int(side) for side in np.ceil(high - low))
    level = cv2.warpAffine(small, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    half = 2.0**times
    to_full = np.array([(half, 0, (half - 1) / 2), (0, half, (half - 1) / 2), (0, 0, 1)])
    return np.asarray(level, np.uint8), to_full @ np.linalg.inv(np.vstack([turn, (0, 0, 1)]))


def _spots(level: Image, stars: _Stars) -> Map:
    """A map that peaks at dark spots as large as a bubble, equally high whether print is pale or black."""
    size, pitch = stars.size * stars.scale, stars.pitch * stars.scale
    ink = _ink(level, 1.5 * float(pitch.max()))
    inner = cv2.GaussianBlur(ink, (0, 0), sigmaX=size[0] / 4, sigmaY=size[1] / 4)
    outer = cv2.GaussianBlur(ink, (0, 0), sigmaX=pitch[0] / 2, sigmaY=pitch[1] / 2)
    spots = inner - outer
    usual = np.sqrt(np.maximum(cv2.blur(spots**2, tuple(int(4 * side) | 1 for side in pitch)), 0)) + 0.02
    return np.asarray(np.clip(spots / usual, -LIMIT, LIMIT), np.float32)


def _peaks(spots: Map, picture: Map) -> list[tuple[float, int, int]]:
    """The places where the constellation agrees best with the spots: agreement, x, y of its top left."""
    margin = int(PITCH_PIXELS)
    down = max(picture.shape[0] - spots.shape[0], 0) + margin
    right = max(picture.shape[1] - spots.shape[1], 0) + margin
    if down > picture.shape[0] / 4 or right > picture.shape[1] / 4:  # most of it must be on the picture
        return []
    padded = cv2.copyMakeBorder(spots, down, down, right, right, cv2.BORDER_CONSTANT, value=0)
    agreement = cv2.matchTemplate(padded, picture, cv2.TM_CCORR)
    result = []
    for _ in range(PEAKS):
        _, best, _, (x, y) = cv2.minMaxLoc(agreement)
        result.append((best, x - right, y - down))
        cv2.circle(agreement, (x, y), margin // 2, -1.0, -1)
    return result


def _grown(place: _Place, stars: _Stars) -> _Place:
    """The place with a map that follows the bubbles from where they agree best to the farthest: affine, and projective
    once they are spread widely enough to tell."""
    soft = np.asarray(cv2.GaussianBlur(place.spots, (0, 0), PITCH_PIXELS / 10), np.float32)
    moves = grid(REACH * stars.pitch * stars.scale, 1.0)
    to_spots = place.to_spots
    apart = np.linalg.norm((stars.centres[:, None] - stars.centres[None]) / stars.pitch, axis=2)
    _, heights = _climb(soft, project(to_spots, stars.centres), moves)
    seed = apart[int(np.argmax(np.exp(-((apart / SEED) ** 2)) @ heights))]
    farthest = float(seed.max())
    radii = SEED * GROWTH ** np.arange(max(int(np.ceil(np.log(farthest / SEED) / np.log(GROWTH))), 0) + 1)
    for radius in (*radii, farthest, farthest):
        near = stars.centres[seed <= radius]
        places = project(to_spots, near)
        moved, heights = _climb(soft, places, moves)
        wide = None
        if radius >= WIDE * farthest and len(near) >= TELLING:
            wide, _ = cv2.findHomography(near, places + moved, cv2.RANSAC, REACH / 2 * PITCH_PIXELS, maxIters=DRAWS)
        if wide is not None and paper_like(wide.astype(np.float64), stars.extent):
            to_spots = np.asarray(wide, np.float64)
        else:
            to_spots = to_spots + np.vstack([_change(near, moved, np.maximum(heights, 0)), (0, 0, 0)])
    agreement = float(_at(place.spots, project(to_spots, stars.centres)[:, None])[:, 0].mean())
    return _Place(agreement, place.spots, to_spots, place.to_image)


def _change(centres: Array, moves: Array, weights: Array) -> Array:
    """What to add to an affine map (2, 3) to move these points so: least squares, drawn towards a mere shift."""
    middle = centres.mean(axis=0)
    spread = np.maximum(centres.std(axis=0), 1e-9)
    design = np.column_stack([(centres - middle) / spread, np.ones(len(centres))])
    normal = design.T @ (weights[:, None] * design) + np.diag([4.0, 4.0, 1.0])
    change = np.linalg.solve(normal, design.T @ (weights[:, None] * moves))
    linear = change[:2].T / spread
    return np.column_stack([linear, change[2] - linear @ middle])


def _climb(spots: Map, points: Array, moves: Array) -> tuple[Array, Map]:
    """How each point (n, 2) moves to the highest place among the moves (m, 2), and the height there."""
    heights = _at(spots, points[:, None] + moves[None])
    best = heights.argmax(axis=1)
    return moves[best], heights[np.arange(len(points)), best]


def _at(spots: Map, points: Array) -> Map:
    x, y = np.moveaxis(points.astype(np.float32), -1, 0)
    return cv2.remap(spots, x, y, cv2.INTER_LINEAR, borderValue=0.0).reshape(x.shape)
