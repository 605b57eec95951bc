"""A glance at a few bubbles all over a page: are they where its corner marks say, so that no block need be corrected?

The corner marks of our own sheets leave only what happens between them: paper that curls, a feeder that slips.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from omr.placement import Array, Placement
from omr.relief import LINE, Block, Map, blocks, outline, shrunk

BLOCKS, BUBBLES = 7, 7  # at most: of the page, of each block
PIXELS = 8  # shorter side of a bubble in the small pictures looked at
REACH = 0.25  # of a pitch: how far from their places the bubbles are looked for
IN_PLACE = 0.06  # of a pitch: blocks no farther off need no correction

Image = npt.NDArray[np.uint8]


def all_in_place(image: Image, placement: Placement) -> bool:
    """Whether the blocks looked at are where the placement's homography has them.

    Args:
        image: grey (h, w).
    """
    parts = blocks(placement.page)
    some = parts[_some(len(parts), BLOCKS)]
    scale = PIXELS / min((float(block.size.min()) for block in some), default=1.0)
    small, homography = shrunk(image, placement, scale)
    return all(bool(np.all(np.abs(_off(small, homography, one, scale)) <= IN_PLACE)) for one in some)


def _some(number: int, most: int) -> slice:
    """At most so many of a number of things, evenly spread."""
    return slice(None, None, -(-number // most) or 1)


def _off(image: Image, homography: Array, block: Block, scale: float) -> Array:
    """How far (2,) the block's bubbles lie from their places, in parts of the pitch.

    As matching is linear, the usual picture of a bubble matched is the usual match.
    """
    usual = _usual_picture(image, homography, block, scale)
    half = block.size * scale / 2
    heights = np.asarray(cv2.filter2D(usual, -1, outline(block.shape, float(half[0]), float(half[1]))), np.float32)
    reach = np.ceil(REACH * block.pitch * scale).astype(int)
    middle = np.array(usual.shape[::-1]) // 2
    near = heights[middle[1] - reach[1] : middle[1] + reach[1] + 1, middle[0] - reach[0] : middle[0] + reach[0] + 1]
    row, column = divmod(int(near.argmax()), near.shape[1])
    top = np.array([_vertex(near[row], column), _vertex(near[:, column], row)])
    return (top - reach) / scale / block.pitch


def _usual_picture(image: Image, homography: Array, block: Block, scale: float) -> Map:
    """What is seen where a bubble and its surroundings should be: the median of some, so that few marks don't show."""
    half = np.ceil((block.size / 2 + REACH * block.pitch) * scale + 4 * LINE).astype(int)
    x, y = (np.arange(-side, side + 1) / scale for side in half)
    around = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places = (block.centres[_some(len(block.centres), BUBBLES), None, :] + around).astype(np.float32)
    at_x, at_y = np.moveaxis(cv2.perspectiveTransform(places, homography), -1, 0)
    pictures = 255 - np.asarray(cv2.remap(image, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return np.median(pictures, axis=0).astype(np.float32).reshape(len(y), len(x))


def _vertex(heights: Map, top: int) -> float:
    """Where the parabola through the highest of the values and its neighbours has its vertex."""
    if not 0 < top < len(heights) - 1:
        return float(top)
    before, highest, after = (float(value) for value in heights[top - 1 : top + 2])
    curvature = before - 2 * highest + after
    return top + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)
