"""Registration by a marker picture printed near the four corners (OMRChecker's CropOnMarkers)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from omr.layout import Registration
from omr.placement import Array, Unregistered

SEARCH_WIDTH = 800  # of the image searched, in pixels
SIZES = np.geomspace(0.3, 1.3, 16)  # of the marker, in parts of what the template says
LEAST_MATCH = 0.5  # normalised correlation of each marker
MARGIN = 0.05  # by which the quadrants overlap, in parts of the image

Image = npt.NDArray[np.uint8]


def centres(image: Image, registration: Registration) -> Array:
    """Centres (4, 2) of the markers in pixels: top left, top right, bottom right, bottom left on the image.

    Raises:
        Unregistered: not every quadrant of the image has a marker.
        InputError: the marker picture cannot be read.
    """
    scale = SEARCH_WIDTH / image.shape[1]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    picture = _picture(registration.marker)
    width = SEARCH_WIDTH / registration.marker_ratio if registration.marker_ratio else picture.shape[1] * scale
    coarse = max(SIZES, key=lambda part: sum(match for match, _ in _matches(small, _sized(picture, part * width))))
    fine = coarse * np.linspace(0.93, 1.07, 7)
    found = [_matches(small, _sized(picture, part * width)) for part in fine]
    # Each marker by the size that suits it best: in a photo the near ones are larger.
    best = [max((sizes[quadrant] for sizes in found), key=lambda match: match[0]) for quadrant in range(4)]
    missing = [name for name, (match, _) in zip(_QUADRANTS, best, strict=True) if match < LEAST_MATCH]
    if missing:
        raise Unregistered("not_registered", f"no marker found at the {' and the '.join(missing)}")
    return (np.array([centre for _, centre in best]) + 0.5) / scale - 0.5


_QUADRANTS = ("top left", "top right", "bottom right", "bottom left")


@lru_cache(maxsize=8)
def _picture(path: str) -> Image:
    picture = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise InputError("the marker picture cannot be read", file=path)
    return picture


def _sized(picture: Image, width: float) -> Image:
    scale = max(width, 6.0) / picture.shape[1]
    sized = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(sized, (3, 3), 0)


def _matches(image: Image, marker: Image) -> list[tuple[float, tuple[float, float]]]:
    """The best match in each quadrant and its centre, clockwise from the top left."""
    height, width = image.shape
    down, right = int(height * (0.5 - MARGIN)), int(width * (0.5 - MARGIN))
    result = []
    for top, left in ((0, 0), (0, right), (down, right), (down, 0)):
        quadrant = image[top : top + height - down, left : left + width - right]
        if quadrant.shape[0] <= marker.shape[0] or quadrant.shape[1] <= marker.shape[1]:
            result.append((0.0, (0.0, 0.0)))
            continue
        agreement = cv2.matchTemplate(quadrant, marker, cv2.TM_CCOEFF_NORMED)
        _, match, _, (x, y) = cv2.minMaxLoc(agreement)
        result.append((match, (left + x + (marker.shape[1] - 1) / 2, top + y + (marker.shape[0] - 1) / 2)))
    return result
