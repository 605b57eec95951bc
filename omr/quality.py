"""What is wrong with a picture as a scan: why a page can't be found on it, as far as the picture itself tells."""

from __future__ import annotations

import cv2
import numpy as np

from omr.reason import Reason

LEAST_SIDE = 120  # pixels; a sheet with less has no bubbles to speak of
INK = 0.1  # how much less light than the paper around it makes a pixel ink
LEAST_INK = 0.001  # share of the page; the print of the emptiest sheet covers several times that
LEAST_DEPTH = 0.3  # of the darkest ink
LEAST_SLOPE = 0.12  # steepest change from one pixel to the next, of the full depth: blur with sigma 3 pixels gives 0.13


def is_too_small(image: np.ndarray) -> bool:
    """Whether a picture (height, width) has too few pixels to look for anything on it."""
    return min(image.shape) < LEAST_SIDE


def complaint(image: np.ndarray) -> tuple[Reason, str] | None:
    """What is wrong with a picture (height, width) of some size, and what was seen; None when nothing is."""
    height, width = image.shape
    small = cv2.resize(image, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.dilate(small, np.ones((9, 9), np.uint8)), (width, height)).astype(np.float32) + 1
    darkness = 1 - image / paper
    share = float((darkness > INK).mean())
    if share < LEAST_INK:
        return Reason.BLANK_PAGE, f"{share:.2%} of the page is ink"
    depth = float(np.quantile(darkness, 0.999))
    if depth < LEAST_DEPTH:
        return Reason.LOW_CONTRAST, f"the darkest ink takes {depth:.0%} of the paper's light"
    slope = float(np.quantile(np.abs(np.diff(darkness, axis=1)), 0.999)) / depth
    if slope < LEAST_SLOPE:
        return Reason.BLURRED, f"the sharpest edge takes {1 / max(slope, 0.01):.0f} pixels"
    return None
