"""What is wrong with a picture as a scan, as far as the picture itself tells."""

from __future__ import annotations

import cv2
import numpy as np

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
    counts = cv2.calcHist([np.ascontiguousarray(image[::8, ::8])], [0], None, [256], [0, 256]).ravel().cumsum()
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
