"""Finds a page of a layout on an image: page image → `Placement`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from omr import constellation, fiducials, markers, outline, reference
from omr.align import align
from omr.glance import as_printed
from omr.layout import Layout
from omr.placement import Array, Placement, Unregistered, project

SURE = 0.8  # fit of an imported page's bubbles that no turned page has reached
LIKELY = 0.6  # fit that a turned page must have
APART = 0.02  # of a fit: what is found by its bubbles alone must fit better by this than anywhere else

__all__ = ["Placement", "Unregistered", "register", "unchecked"]


def register(image: npt.NDArray[np.uint8], layout: Layout) -> Placement:
    """Place a page of the layout on an image, by the layout's own method, and correct it block by block.

    Another program's page that does not lie as its method would have it is looked for by its bubbles.

    Args:
        image: grey (h, w).

    Raises:
        Unregistered: no page of this layout could be placed; the reason is a name of `omr.read.Reason`.
    """
    if layout.registration.method == "fiducials":
        return align(image, fiducials.locate(image, layout), printed_to_size=True)
    if layout.registration.method == "aruco" and (seen := _at_a_glance(image, layout)):
        return seen
    best: Placement | None = None
    refusals: list[Unregistered] = []
    try:
        for placements in _guesses(image, layout):
            for attempt in (_tried(image, layout, placement) for placement in placements):
                if isinstance(attempt, Unregistered):
                    refusals.append(attempt)
                elif best is None or attempt.fit > best.fit:
                    best = attempt
            if best is not None and best.fit >= SURE:
                return best
    except Unregistered as refusal:
        refusals.append(refusal)
    found = _by_bubbles(image, layout)
    if found is not None and (best is None or found.fit > best.fit):
        return found
    if best is None:
        raise refusals[0]
    if best.fit < LIKELY and (best.rotation or layout.registration.method in ("aruco", "reference")):
        raise Unregistered("not_registered", f"only {best.fit:.0%} of the form's bubbles are printed: another form")
    return best


def _at_a_glance(image: npt.NDArray[np.uint8], layout: Layout) -> Placement | None:
    """The page whose bubbles are all to be seen where the corner marks have them: nothing is left to correct."""
    try:
        found = fiducials.locate(image, layout)
    except Unregistered:
        return None
    placed = (as_printed(image, replace(found, page=page)) for page in layout.pages)
    return next((one for one in placed if one is not None), None)


def _guesses(image: npt.NDArray[np.uint8], layout: Layout) -> Iterator[list[Placement]]:
    """Where another program's page may lie, for each page of the layout that it may be; ever less likely places."""
    method = layout.registration.method
    if method == "aruco":
        try:
            found = fiducials.locate(image, layout)
        except Unregistered:
            if not layout.registration.reference:
                raise
        else:
            yield [replace(found, page=page) for page in layout.pages]
            return
    if method in ("aruco", "reference"):
        yield from reference.rounds(image, layout)
        return
    corners = page_corners(image, layout)
    yield [_placed(layout, corners, 0)]
    lying = _stretch(layout, np.roll(corners, -1, axis=0)) < _stretch(layout, corners)
    yield [_placed(layout, corners, turns) for turns in ((2, 1, 3) if lying else (2,))]


def _stretch(layout: Layout, corners: Array) -> float:
    """How much longer one side of the page must be drawn than the other to reach these corners, whichever it is."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return abs(float(np.log((sides[0] + sides[2]) / (sides[1] + sides[3]) * layout.height / layout.width)))


def _tried(image: npt.NDArray[np.uint8], layout: Layout, placement: Placement) -> Placement | Unregistered:
    """The guess corrected. A turned one must fit better than one upright would, a row or column off: the template may
    be wrong, and regular rows of bubbles look the same from every side.
    """
    attempt = _attempt(image, placement)
    by_corners = layout.registration.method not in ("aruco", "reference")
    if isinstance(attempt, Unregistered) or not (placement.rotation and by_corners):
        return attempt
    corners = np.roll(project(placement.homography, _rectangle(layout)), placement.rotation // 90, axis=0)
    beside = [_attempt(image, one) for one in constellation.neighbours(_placed(layout, corners, 0))]
    if attempt.fit - max((one.fit for one in beside if isinstance(one, Placement)), default=0) < APART:
        return Unregistered("not_registered", "the page fits as well upright, a row or column off, as turned")
    return attempt


def _by_bubbles(image: npt.NDArray[np.uint8], layout: Layout) -> Placement | None:
    """The page found by its bubbles alone, if there is one place that is clearly the best."""
    for placements in constellation.rounds(image, layout):
        attempts = _attempts(image, placements)
        found = max((one for one in attempts if isinstance(one, Placement)), key=lambda one: one.fit, default=None)
        if found is not None and found.fit >= SURE:
            attempts += _attempts(image, [*constellation.neighbours(found), constellation.upside_down(found)])
            others = [one for one in attempts if isinstance(one, Placement) and not constellation.same(found, one)]
            return found if found.fit - max((one.fit for one in others), default=0) >= APART else None
    return None


def _attempts(image: npt.NDArray[np.uint8], placements: list[Placement]) -> list[Placement | Unregistered]:
    return [_attempt(image, placement, by_bubbles=True) for placement in placements]


def unchecked(image: npt.NDArray[np.uint8], layout: Layout) -> Placement:
    """Where the page would lie whatever is printed on it, to show a person what does not fit.

    Raises:
        Unregistered: not even its corners, or anything of its reference picture, were found.
    """
    method = layout.registration.method
    if method == "fiducials":
        return fiducials.locate(image, layout)
    if method in ("aruco", "reference"):
        return next(_guesses(image, layout))[0]
    return _placed(layout, page_corners(image, layout), 0)


def _attempt(
    image: npt.NDArray[np.uint8], placement: Placement, *, by_bubbles: bool = False
) -> Placement | Unregistered:
    try:
        return align(image, placement, by_bubbles=by_bubbles)
    except Unregistered as refusal:
        return refusal


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
    turned = np.roll(corners, -turns, axis=0).astype(np.float32)
    homography = cv2.getPerspectiveTransform(_rectangle(layout).astype(np.float32), turned).astype(np.float64)
    return Placement(layout.pages[0], 90 * turns, 0.0, homography)


def _rectangle(layout: Layout) -> Array:
    """The corners (4, 2) of the page in layout units, clockwise from the top left."""
    return np.array([(0, 0), (layout.width, 0), (layout.width, layout.height), (0, layout.height)], np.float64)
