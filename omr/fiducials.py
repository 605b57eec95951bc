"""Registration by ArUco corners, which also tell the orientation and, on our own sheets, the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from omr.layout import Fiducial, Layout, Page
from omr.placement import Array, Placement, Unregistered, project, quarter_turn
from omr.shrink import halved, halvings

CORNER_SHARES = (0.13, 0.38)  # of the image's shorter side: how far in a corner mark lies; the same on a skewed page
SEARCH_PIXELS = 1000  # least longer side of the image searched; the corners are refined at full size
AFFINE_RESIDUAL = 0.1  # mm; three corners that fit this well hold no perspective worth extrapolating
SMALLEST = 0.5  # of a mark's size on a page that fills the image: smaller ones are not looked for at first
MAX_RESIDUAL = 0.6  # mm RMS
MAX_STRETCH = 1.4  # ratio of the scales along and across the page, or between corners; A3 before a phone has 1.27
NEEDED = 3  # corner marks
MODULES, THIN = 7, 0.5  # of a mark's side; of a module: how thick a streak may be that is taken out
ALL: tuple[int, ...] = ()  # for the names of all marks of a dictionary

Image = npt.NDArray[np.uint8]
Marks = dict[int, Array]  # id → (4, 2) pixel corners, clockwise from the mark's own top left


def locate(image: Image, layout: Layout) -> Placement:
    """Place a page by its corner marks.

    Args:
        image: grey (h, w).

    Raises:
        Unregistered: "wrong_sheet" when the marks are another layout's, "not_registered" when fewer than three
            marks are found or what is found does not fit the page.
    """
    ours = {fiducial.id for page in layout.pages for fiducial in page.fiducials}
    marks: Marks = {}
    enough = 4  # the narrowest search may miss one, a wider one find it
    size = min((f.size for page in layout.pages for f in page.fiducials), default=layout.width)
    perimeter = 4 * size / max(layout.width, layout.height)
    for more in _searches(image, perimeter, layout.registration.dictionary, tuple(sorted(ours))):
        marks |= more
        if len(ours & marks.keys()) >= enough:
            break
        enough = NEEDED
    page = max(layout.pages, key=lambda page: len(marks.keys() & {fiducial.id for fiducial in page.fiducials}))
    found = [fiducial for fiducial in page.fiducials if fiducial.id in marks]
    if len(found) < NEEDED:
        _refuse(found, set(marks) - ours)
    pixels = _refine(image, np.concatenate([marks[fiducial.id] for fiducial in found]))
    millimetres = np.concatenate([_corners(fiducial) for fiducial in found])
    homography = _fit(millimetres, pixels, exact=len(found) > NEEDED)
    residual = _residual(homography, millimetres, pixels)
    if residual > MAX_RESIDUAL or _stretch(homography, page) > MAX_STRETCH:
        raise Unregistered("not_registered", f"the corner marks do not fit the page: {residual:.2f} mm off")
    return Placement(page, quarter_turn(homography, layout.width, layout.height), residual, homography)


def _searches(image: Image, perimeter: float, dictionary: str, ours: tuple[int, ...]) -> Iterator[Marks]:
    """Ever wider searches: in the four corners of the image, in the whole of it, the whole of it at full size and
    without thin lines.

    Args:
        perimeter: of a mark, in parts of the page's longer side.
        dictionary: OpenCV's name of the marks' dictionary.
        ours: the layout's marks; the first search knows no others, as going through a dictionary takes its time.
    """
    times = halvings(max(image.shape) / SEARCH_PIXELS)
    for share, names in zip(CORNER_SHARES, (ours, ALL), strict=True):
        side = round(min(image.shape) * share)
        detector = _detector(SMALLEST * perimeter * max(image.shape) / side, dictionary, names)
        corners: Marks = {}
        for top in (0, image.shape[0] - side):
            for left in (0, image.shape[1] - side):
                corners |= _detect(detector, image[top : top + side, left : left + side], times, (left, top))
        yield corners
    detector = _detector(SMALLEST / 2 * perimeter, dictionary, ALL)
    yield _detect(detector, image, times)
    if times:
        yield _detect(detector, image, 0)
    thin = round(THIN * perimeter / 4 * max(image.shape) / MODULES) | 1
    for without_lines in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN):  # a streak joins a mark with what is beside it, or cuts it
        yield _detect(detector, np.asarray(cv2.morphologyEx(image, without_lines, np.ones((thin, thin), np.uint8))), 0)


def _detect(detector: _Detector, image: Image, times: int, origin: tuple[int, int] = (0, 0)) -> Marks:
    """The marks, in pixels of the image, on a piece of it that begins at `origin`; searched after so many halvings."""
    corners, numbers, _ = detector.aruco.detectMarkers(halved(image, times))
    if numbers is None:
        return {}
    return {
        detector.names[int(number)]: (quad.reshape(4, 2).astype(np.float64) + 0.5) * 2**times - 0.5 + origin
        for number, quad in zip(numbers.ravel(), corners, strict=True)
    }


class _Detector(NamedTuple):
    """Knows marks by their place among the names."""

    aruco: cv2.aruco.ArucoDetector
    names: Sequence[int]


@lru_cache(maxsize=64)
def _detector(perimeter: float, dictionary: str, names: tuple[int, ...]) -> _Detector:
    """A detector of these marks where their perimeter is at least this part of the longer side of the picture."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.minMarkerPerimeterRate = perimeter  # passes over letters and bubbles, most of the work otherwise
    parameters.adaptiveThreshWinSizeMin = parameters.adaptiveThreshWinSizeMax = 23  # about half a mark; one pass
    parameters.errorCorrectionRate = 0.4  # a thousand ids leave little room between them
    parameters.perspectiveRemoveIgnoredMarginPerCell = 0.3  # bilevel print swells into the cells beside it by a pixel
    parameters.perspectiveRemovePixelPerCell = 8  # so that something is left of a cell
    marks = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    if names != ALL:
        marks = cv2.aruco.Dictionary(marks.bytesList[list(names)], marks.markerSize, marks.maxCorrectionBits)
    return _Detector(cv2.aruco.ArucoDetector(marks, parameters), names or range(len(marks.bytesList)))


def _refine(image: Image, corners: Array) -> Array:
    """Corners (n, 2) to a fraction of a pixel; the window stays within a module of the marks."""
    side = float(np.linalg.norm(corners[0] - corners[1]))
    window = min(max(int(side / 14), 2), 8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 20, 0.02)
    start = corners.astype(np.float32).reshape(-1, 1, 2)
    refined = cv2.cornerSubPix(image, start.copy(), (window, window), (-1, -1), criteria).reshape(-1, 2)
    moved = np.linalg.norm(refined - corners, axis=1, keepdims=True)
    return np.where(moved <= window, refined.astype(np.float64), corners)


@lru_cache(maxsize=512)
def _corners(fiducial: Fiducial) -> Array:
    half = fiducial.size / 2
    return np.array(
        [(fiducial.x + sx * half, fiducial.y + sy * half) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )


def _fit(source: Array, target: Array, *, exact: bool) -> Array:
    """Least-squares homography; an affine map if a corner is missing and the others show no perspective."""
    if not exact:
        design = np.column_stack([source, np.ones(len(source))])
        affine = np.vstack([np.linalg.lstsq(design, target, rcond=None)[0].T, (0, 0, 1)]).astype(np.float64)
        if _residual(affine, source, target) <= AFFINE_RESIDUAL:
            return affine
    homography, _ = cv2.findHomography(source, target, 0)
    if homography is None:
        raise Unregistered("not_registered", "the corner marks do not form a page")
    return np.asarray(homography, np.float64)


def _residual(homography: Array, source: Array, target: Array) -> float:
    """RMS distance between the marks' true corners and the found ones taken back to the layout."""
    to_layout = np.asarray(cv2.invert(homography)[1], np.float64)  # of so small a matrix far quicker than NumPy's
    return float(np.sqrt(np.mean(np.sum((project(to_layout, target) - source) ** 2, axis=1))))


def _stretch(homography: Array, page: Page) -> float:
    """Largest over smallest length of a millimetre, over both directions and the four corners."""
    at, right, down = project(homography, _unit_steps(page)).reshape(3, -1, 2)
    lengths = np.hypot(*np.concatenate([right - at, down - at]).T)
    return float(lengths.max() / max(lengths.min(), 1e-9))


@lru_cache(maxsize=64)
def _unit_steps(page: Page) -> Array:
    """The corner marks' centres, then a millimetre to the right of them, then one below, (3 n, 2)."""
    centres = np.array([(fiducial.x, fiducial.y) for fiducial in page.fiducials])
    return np.concatenate([centres + step for step in np.array([(0, 0), (1, 0), (0, 1)])])


def _refuse(found: list[Fiducial], others: set[int]) -> None:
    pages = {name // 4 for name in others}
    if not found and len(others) >= 2 and len(pages) == 1:
        raise Unregistered("wrong_sheet", f"the corner marks are of another sheet: {sorted(others)}")
    raise Unregistered(
        "not_registered",
        f"{len(found)} of 4 corner marks found, {NEEDED} are needed; scan the sheet again, flat and whole",
    )
