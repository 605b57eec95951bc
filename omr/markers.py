"""Registration by a marker picture printed near the four corners (OMRChecker's CropOnMarkers)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from omr.layout import Registration
from omr.placement import Array, Unregistered

COARSE_WIDTH, FINE_WIDTH = 400, 1200  # of the image searched, in pixels
SIZES = np.geomspace(0.3, 1.3, 24)  # of the marker, in parts of what the template says
NEIGHBOURS = 2  # sizes by which the markers of a page may differ from their middle: in a photo near ones are larger
LEAST_MATCH = 0.45  # normalised correlation of each marker
MARGIN = 0.05  # by which the quadrants overlap, in parts of the image

Image = npt.NDArray[np.uint8]
Match = tuple[float, tuple[float, float], int]  # normalised correlation, and the marker's centre and width in pixels


def centres(image: Image, registration: Registration) -> Array:
    """Centres (4, 2) of the markers in pixels: top left, top right, bottom right, bottom left on the image.

    Raises:
        Unregistered: not every quadrant of the image has a marker.
        InputError: the marker picture cannot be read.
    """
    picture = _picture(registration.marker)
    part = 1 / registration.marker_ratio if registration.marker_ratio else picture.shape[1] / image.shape[1]
    coarse = _resized(image, COARSE_WIDTH)
    markers = [_resized(picture, part * size * COARSE_WIDTH) for size in SIZES]
    matches = [[_match(*quadrant, marker) for quadrant in _quadrants(coarse)] for marker in markers]
    candidates = [
        [max(column) for column in zip(*matches[max(i - NEIGHBOURS, 0) : i + NEIGHBOURS + 1], strict=True)]
        for i in range(len(SIZES))
    ]
    found = max(candidates, key=lambda four: sum(match for match, _, _ in four))
    missing = [name for name, (match, _, _) in zip(_NAMES, found, strict=True) if match < LEAST_MATCH]
    if missing:
        raise Unregistered("not_registered", f"no marker found at the {' and the '.join(missing)}")
    fine = _resized(image, min(FINE_WIDTH, image.shape[1]))
    times = fine.shape[1] / COARSE_WIDTH
    places = [_refined(fine, picture, times * np.array(centre), times * width) for _, centre, width in found]
    corners = (np.array(places) + 0.5) * image.shape[1] / fine.shape[1] - 0.5
    if len({*map(tuple, corners)}) < 4 or not cv2.isContourConvex(corners.astype(np.float32)):
        raise Unregistered("not_registered", "the markers found do not form a page")  # one was found twice
    return corners


_NAMES = ("top left", "top right", "bottom right", "bottom left")


@lru_cache(maxsize=8)
def _picture(path: str) -> Image:
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"the marker picture cannot be read: {error.strerror}", file=path) from None
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if picture is None:
        raise InputError("the marker picture is not a picture", file=path)
    return np.asarray(picture, np.uint8)


def _resized(picture: Image, width: float) -> Image:
    scale = max(width, 6.0) / picture.shape[1]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)


def _quadrants(image: Image) -> list[tuple[Image, tuple[int, int]]]:
    """The four quarters of the image, overlapping a little, clockwise from the top left, and where each begins."""
    height, width = image.shape
    down, right = int(height * (0.5 - MARGIN)), int(width * (0.5 - MARGIN))
    return [
        (image[top : top + height - down, left : left + width - right], (left, top))
        for top, left in ((0, 0), (0, right), (down, right), (down, 0))
    ]


def _match(image: Image, origin: tuple[int, int], marker: Image) -> Match:
    """Where the marker fits best on a piece of an image that begins at `origin`."""
    if image.shape[0] < marker.shape[0] or image.shape[1] < marker.shape[1]:
        return 0.0, (0.0, 0.0), marker.shape[1]
    _, match, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(image, marker, cv2.TM_CCOEFF_NORMED))
    centre = (origin[0] + x + (marker.shape[1] - 1) / 2, origin[1] + y + (marker.shape[0] - 1) / 2)
    return match, centre, marker.shape[1]


def _refined(image: Image, picture: Image, centre: Array, width: float) -> tuple[float, float]:
    """The centre of the marker near `centre` on the finer image; near ones are larger, so each by its own size."""
    left, top = (max(int(side), 0) for side in centre - width)
    piece = image[top : int(centre[1] + width) + 1, left : int(centre[0] + width) + 1]
    sizes = (_resized(picture, width * size) for size in np.linspace(0.88, 1.12, 9))
    return max(_match(piece, (left, top), marker) for marker in sizes)[1]
