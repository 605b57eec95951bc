"""Where a page of a layout lies on an image: what registration finds and everything that measures goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from omr.layout import Page

Array = npt.NDArray[np.float64]

IDENTITY: Array = np.eye(2, 3)


class Unregistered(Exception):
    """The page cannot be placed on the layout; it goes to a person.

    Args:
        reason: a name of `omr.read.Reason`: "not_registered" or "wrong_sheet".
        detail: for a person: what was seen, what to do.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True, eq=False)
class Placement:
    """A page found on an image.

    Attributes:
        page: which page of the layout it is.
        rotation: quarter turns to undo: degrees by which the page lies clockwise on the image (0, 90, 180 or 270).
        residual: RMS misfit in layout units.
        homography: (3, 3), layout coordinates to pixels; a pixel's centre has whole coordinates.
        corrections: block name to a (2, 3) affine map, layout to layout, applied before the homography.
        fit: how well the printed bubbles agree, 1 wholly, 0 not at all or none to be seen; 1 where not looked at.
    """

    page: Page
    rotation: int
    residual: float
    homography: Array
    corrections: Mapping[str, Array] = field(default_factory=dict)
    fit: float = 1.0

    def points(self, xy: npt.ArrayLike, block: str = "") -> Array:
        """Pixel coordinates (n, 2) of layout coordinates `xy` (n, 2), with the local correction of `block`."""
        correction = self.corrections.get(block, IDENTITY)
        layout = np.asarray(xy, np.float64).reshape(-1, 2) @ correction[:, :2].T + correction[:, 2]
        return project(self.homography, layout)

    @property
    def scale(self) -> float:
        """Pixels per layout unit: the root of the area scale at the middle of what is measured on the page."""
        x, y = _middle(self.page)
        origin, right, down = project(self.homography, np.array([(x, y), (x + 1, y), (x, y + 1)]))
        return float(np.sqrt(abs(np.linalg.det(np.stack([right - origin, down - origin])))))


@lru_cache(maxsize=64)
def _middle(page: Page) -> tuple[float, float]:
    """The middle of what is measured on a page."""
    places = np.array([(b.x, b.y) for f in page.fields for g in f.groups for b in g.bubbles] or [(0, 0)])
    x, y = places.mean(axis=0).tolist()
    return x, y


def project(homography: Array, xy: Array) -> Array:
    """Points (n, 2) through a (3, 3) homography."""
    return np.asarray(cv2.perspectiveTransform(xy.reshape(-1, 1, 2), homography), np.float64).reshape(-1, 2)


def quarter_turn(homography: Array, width: float, height: float) -> int:
    """Degrees (a multiple of 90) by which the page's x axis lies clockwise from the image's, at the page's middle."""
    left, right = project(homography, np.array([(width * 0.45, height / 2), (width * 0.55, height / 2)]))
    x, y = right - left
    return round(float(np.degrees(np.arctan2(y, x))) / 90) * 90 % 360


def distances(points: Array, known: Array) -> Array:
    """(n, k) how far points (n, 2) are from others (k, 2)."""
    return np.linalg.norm(points[:, None] - known[None], axis=2)


def moves_about(points: Array, known: Array, moves: Array, *, but_itself: bool = False) -> Array:
    """The moves (n, 2) to expect of points (n, 2) on bent paper: those of places (k, 2) whose moves (k, 2) are known,
    by the inverse square of their distance (Shepard, 1968); `but_itself`: points are the places, and each goes by the
    others."""
    weight = 1 / np.maximum(distances(points, known), 1.0) ** 2
    if but_itself:
        np.fill_diagonal(weight, 0)
    return np.asarray(weight @ moves / weight.sum(axis=1, keepdims=True), np.float64)
