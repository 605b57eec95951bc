"""Finds a page of a layout on an image: page image → `Placement`."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from omr import fiducials, markers, outline
from omr.align import align
from omr.layout import Layout
from omr.placement import Array, Placement, Unregistered

__all__ = ["Placement", "Unregistered", "register"]


def register(image: npt.NDArray[np.uint8], layout: Layout) -> Placement:
    """Place a page of the layout on an image, by the layout's own method, and correct it block by block.

    Args:
        image: grey (h, w).

    Raises:
        Unregistered: no page of this layout could be placed; the reason is a name of `omr.read.Reason`.
    """
    method = layout.registration.method
    if method == "fiducials":
        return align(image, fiducials.locate(image, layout), printed_to_size=True)
    corners = page_corners(image, layout)
    refusals = []
    for turns in (0, 2, 1, 3):
        try:
            return align(image, _placed(layout, corners, turns))
        except Unregistered as refusal:
            refusals.append(refusal)
    raise refusals[0]


def page_corners(image: npt.NDArray[np.uint8], layout: Layout) -> Array:
    """Corners (4, 2) of an imported layout's page in pixels, clockwise from the image's top left; see `register`."""
    match layout.registration.method:
        case "outline":
            return outline.page_corners(image)
        case "markers":
            return markers.centres(image, layout.registration)
        case _:
            height, width = image.shape
            return np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5


def _placed(layout: Layout, corners: Array, turns: int) -> Placement:
    """The page with these corners, lying `turns` quarter turns clockwise."""
    page = np.array([(0, 0), (layout.width, 0), (layout.width, layout.height), (0, layout.height)], np.float32)
    turned = np.roll(corners, -turns, axis=0).astype(np.float32)
    homography = cv2.getPerspectiveTransform(page, turned).astype(np.float64)
    return Placement(layout.pages[0], 90 * turns, 0.0, homography)
