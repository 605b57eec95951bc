"""Registration by the page's outline: a bright quadrilateral on a darker ground, as a sheet photographed on a table."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from omr.placement import Array, Unregistered

SEARCH_PIXELS = 900  # longer side of the image searched
MIN_SHARE = 0.1  # of the image's area
MIN_FILLED = 0.92  # share of the quadrilateral filled by the shape's hull
MIN_EDGE = 0.6  # share of the outline along which the inside is brighter than the outside
EDGE_STEP = 8  # grey levels
MAX_COSINE = 0.35  # of a corner's angle: 70…110 degrees
MAX_RATIO = 1.35  # between opposite sides

Image = npt.NDArray[np.uint8]
Contour = npt.NDArray[np.int32]


def page_corners(image: Image) -> Array:
    """Corners (4, 2) of the page in pixels: top left, top right, bottom right, bottom left as it lies on the image.

    Raises:
        Unregistered: no outline that could be a sheet of paper.
    """
    scale = min(1.0, SEARCH_PIXELS / max(image.shape))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    smooth = np.asarray(cv2.GaussianBlur(small, (5, 5), 0), np.uint8)
    best, best_score = None, 0.0
    for contour in _shapes(smooth):
        quad = _quadrilateral(contour)
        if quad is None or not _paper_like(quad, contour):
            continue
        edge = _edge_share(smooth, quad)
        score = edge * _area(quad)
        if edge >= MIN_EDGE and score > best_score:
            best, best_score = quad, score
    if best is None:
        raise Unregistered(
            "not_registered", "the outline of the page was not found; picture the whole sheet on a darker ground"
        )
    return _ordered((best + 0.5) / scale - 0.5)


def _shapes(image: Image) -> Iterator[Contour]:
    """Contours of what is brighter than the rest, by several thresholds, and of what edges enclose."""
    otsu, _ = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    kernel = np.ones((9, 9), np.uint8)
    masks = [cv2.threshold(image, otsu * share, 255, cv2.THRESH_BINARY)[1] for share in (1.15, 1.0, 0.8, 0.6)]
    masks = [cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel) for mask in masks]
    masks += [cv2.dilate(cv2.Canny(image, low, 3 * low), np.ones((3, 3), np.uint8)) for low in (20, 50)]
    for mask in masks:
        for contour in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
            if _area(cv2.convexHull(contour)) >= MIN_SHARE * image.size:
                yield np.asarray(contour, np.int32)


def _quadrilateral(contour: Contour) -> Array | None:
    """The four straight sides of a contour brought to intersection: corners (4, 2), or None.

    The hull gives the rough corners; each side is then fitted to the contour's points along its middle, so that a
    dog-eared corner or a punched hole does no harm.
    """
    hull = cv2.convexHull(contour)
    length = cv2.arcLength(hull, True)
    simplified = (cv2.approxPolyDP(hull, share * length, True) for share in (0.01, 0.02, 0.03, 0.05, 0.07))
    rough = next((corners.reshape(4, 2).astype(np.float64) for corners in simplified if len(corners) == 4), None)
    if rough is None:
        return None
    points = contour.reshape(-1, 2).astype(np.float64)
    sides = [_side(points, rough[i], rough[(i + 1) % 4]) for i in range(4)]
    # Homogeneous lines: the cross product of two is where they meet.
    corners = np.array([np.cross(sides[i - 1], sides[i]) for i in range(4)])
    if np.any(np.abs(corners[:, 2]) < 1e-9):
        return None
    return corners[:, :2] / corners[:, 2:]


def _side(points: Array, start: Array, end: Array) -> Array:
    """The line (a, b, c), ax + by + c = 0, through the contour's points beside the stretch from start to end."""
    along = (end - start) / np.linalg.norm(end - start)
    place = (points - start) @ along / np.linalg.norm(end - start)
    off = np.abs((points - start) @ np.array([-along[1], along[0]]))
    near = points[(place > 0.08) & (place < 0.92) & (off < 0.02 * np.linalg.norm(end - start))]
    if len(near) >= 10:
        vx, vy, x, y = cv2.fitLine(near.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().astype(np.float64)
    else:
        (vx, vy), (x, y) = along, start
    return np.array([-vy, vx, vy * x - vx * y])


def _paper_like(quad: Array, contour: Contour) -> bool:
    """Whether it is convex, nearly rectangular and as large as what it was fitted to."""
    sides = np.roll(quad, -1, axis=0) - quad
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() < 1 or not cv2.isContourConvex(quad.astype(np.float32)):
        return False
    cosines = np.abs(np.sum(sides * np.roll(sides, 1, axis=0), axis=1)) / (lengths * np.roll(lengths, 1))
    ratios = np.maximum(lengths[:2] / lengths[2:], lengths[2:] / lengths[:2])
    filled = _area(cv2.convexHull(contour)) / _area(quad)
    return cosines.max() < MAX_COSINE and ratios.max() < MAX_RATIO and MIN_FILLED < filled < 1 / MIN_FILLED


def _edge_share(image: Image, quad: Array) -> float:
    """Share of the outline along which it is clearly brighter just inside than just outside."""
    places = np.linspace(0.03, 0.97, 60)[:, None]
    brighter = []
    for start, end in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        along = (end - start) / np.linalg.norm(end - start)
        inward = np.array([-along[1], along[0]])
        inward *= np.sign((quad.mean(axis=0) - start) @ inward)
        line = start + places * (end - start)
        inside, outside = (_samples(image, line + 4 * side * inward) for side in (1, -1))
        brighter.append(inside.astype(int) - outside >= EDGE_STEP)
    return float(np.mean(brighter))


def _samples(image: Image, points: Array) -> Image:
    x, y = np.rint(points).astype(int).T
    return image[np.clip(y, 0, image.shape[0] - 1), np.clip(x, 0, image.shape[1] - 1)]


def _area(points: npt.NDArray[np.generic]) -> float:
    return float(cv2.contourArea(points.astype(np.float32)))


def _ordered(quad: Array) -> Array:
    """Clockwise on the image, starting with the corner nearest the image's top left."""
    middle = quad.mean(axis=0)
    clockwise = quad[np.argsort(np.arctan2(quad[:, 1] - middle[1], quad[:, 0] - middle[0]))]
    return np.roll(clockwise, -int(np.argmin(clockwise.sum(axis=1))), axis=0)
