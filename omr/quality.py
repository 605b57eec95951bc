"""What is wrong with a picture as a scan, as far as the picture and the corner marks that are left on it tell."""

from __future__ import annotations

import cv2
import numpy as np

from omr.layout import Layout, Page
from omr.reason import Reason

Complaint = tuple[Reason, str]  # what is wrong, and what was seen

LEAST_SIDE = 120  # pixels; a sheet with less has no bubbles to speak of
INK = 0.04  # how much less light than the paper around it returns what may be ink; noise, averaged, has a third of it
LEAST_INK = 0.001  # share of the page; the print of the emptiest sheet covers several times that
LEAST_DEPTH = 0.3  # of the darkest ink: how much less light it returns than paper. Real scans have 0.8 and more
LEAST_SLOPE = 0.12  # steepest change from one pixel to the next, of the full depth: blur with sigma 3 pixels gives 0.13


def unfit(image: np.ndarray) -> Complaint | None:
    """Why a picture (height, width) is not to be read even if a page is found on it; None when it may be.

    A page so pale that a mark looks like paper would otherwise be read as blank.
    """
    height, width = image.shape
    if min(height, width) < LEAST_SIDE:
        return Reason.LOW_RESOLUTION, f"{width} × {height} pixels"
    counts = cv2.calcHist([np.ascontiguousarray(image[::16, ::4])], [0], None, [256], [0, 256]).ravel().cumsum()
    darkest, paper = np.searchsorted(counts, np.array([0.001, 0.9]) * counts[-1])
    if darkest > (1 - LEAST_DEPTH) * paper:
        return unfindable(image) or (Reason.LOW_CONTRAST, f"grey levels from {darkest} to {paper}")
    return None


def unfindable(image: np.ndarray) -> Complaint | None:
    """Why no page could be found on a picture (height, width); None when the picture is not to blame."""
    height, width = image.shape
    small = cv2.resize(image, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
    paper = cv2.dilate(small, np.ones((19, 19), np.uint8)).astype(np.float32) + 1
    share = float((1 - small / paper > INK).mean())
    if share < LEAST_INK:
        return Reason.BLANK_PAGE, f"{share:.2%} of the page is ink"
    darkness = 1 - image / cv2.resize(paper, (width, height))
    depth = float(np.quantile(darkness, 0.999))
    if depth < LEAST_DEPTH:
        return Reason.LOW_CONTRAST, f"the darkest ink takes {depth:.0%} of the paper's light"
    slope = float(np.quantile(np.abs(np.diff(darkness, axis=1)), 0.999)) / depth
    if slope < LEAST_SLOPE:
        return Reason.BLURRED, f"the sharpest edge takes {1 / max(slope, 0.01):.0f} pixels"
    return None


def cut_off(image: np.ndarray, layout: Layout) -> Complaint | None:
    """Whether a page was not found because part of it is outside the picture (height, width): the corner marks that
    are left say where the others would be. None when they are not outside, or no mark is left."""
    names = {mark.id for page in layout.pages for mark in page.fiducials}
    if not names:
        return None
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, layout.registration.dictionary))
    corners, numbers, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(image)
    seen = {} if numbers is None else dict(zip(numbers.ravel().tolist(), corners, strict=True))
    page = max(layout.pages, key=lambda page: sum(mark.id in seen for mark in page.fiducials))
    found = [mark for mark in page.fiducials if mark.id in seen]
    if not found:
        return None
    printed = np.concatenate([_square(mark.x, mark.y, mark.size) for mark in found])
    pictured = np.concatenate([seen[mark.id].reshape(4, 2) for mark in found]).astype(np.float32)
    scale_and_turn, _ = cv2.estimateAffinePartial2D(printed, pictured)
    return _outside(image, page, scale_and_turn, len(found)) if scale_and_turn is not None else None


def _outside(image: np.ndarray, page: Page, scale_and_turn: np.ndarray, found: int) -> Complaint | None:
    """Whether a corner mark would be partly outside the picture, by the (2, 3) map of the page onto it."""
    squares = np.stack([_square(mark.x, mark.y, mark.size) for mark in page.fiducials])
    places = squares @ scale_and_turn[:, :2].T + scale_and_turn[:, 2]
    height, width = image.shape
    lost = int(((places < 0) | (places > (width - 1, height - 1))).any(axis=(1, 2)).sum())
    if not lost:
        return None
    return Reason.CUT_OFF, f"{found} of {len(page.fiducials)} corner marks found; {lost} would be outside the picture"


def _square(x: float, y: float, size: float) -> np.ndarray:
    """The corners (4, 2) of a mark, clockwise from its own top left."""
    half = size / 2
    return np.array(
        [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)], np.float32
    )
