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
    placement = locate(image, layout)
    return align(image, placement, printed_to_size=layout.registration.method == "fiducials")


def locate(image: npt.NDArray[np.uint8], layout: Layout) -> Placement:
    """Place a page of the layout on an image without local correction; for arguments and errors see `register`."""
    match layout.registration.method:
        case "fiducials":
            return fiducials.locate(image, layout)
        case "outline":
            corners = outline.page_corners(image)
        case "markers":
            corners = markers.centres(image, layout.registration)
        case "frame":
            height, width = image.shape
            corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    return Placement(layout.pages[0], 0, 0.0, _homography(layout, corners))


def _homography(layout: Layout, corners: Array) -> Array:
    """Layout to pixels from the pixels (4, 2) of the page's corners, clockwise from the top left."""
    page = np.array([(0, 0), (layout.width, 0), (layout.width, layout.height), (0, layout.height)], np.float32)
    return cv2.getPerspectiveTransform(page, corners.astype(np.float32)).astype(np.float64)
