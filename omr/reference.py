"""Registration by a picture of the empty form (OMRChecker's FeatureBasedAlignment), whichever way the page lies.

Forms repeat themselves: one bubble looks like the next. So only features that are unlike all others of the form place
the page at first; then every feature is looked for where that puts it, and the page is placed anew by all of them.
Whether the bubbles are indeed there is for `omr.align` to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from omr import image as pictures
from omr.layout import Layout, Page
from omr.placement import Array, Placement, Unregistered, project, quarter_turn

SEARCH_PIXELS = 900  # longer side of the pictures compared
FEATURES = 2000  # of each, the strongest
UNLIKE = 0.8  # largest ratio of the distances to the best and the next best match (Lowe 2004, section 7.1)
NEAR = 10.0  # search pixels: how far from where it is expected a feature is looked for
ALIKE = 1.2  # largest distance of descriptors there, in parts of what most of the first matches keep below
TOLERANCE = 3.0  # search pixels: a match farther from where the page has it does not count
ROUNDS = 3  # of looking for what the remaining matches agree on
ENOUGH = 15  # matches that agree; strangers reach ten
MAX_COSINE = 0.35  # of a corner's angle: 70…110 degrees
MAX_RATIO = 1.5  # between opposite sides

Image = npt.NDArray[np.uint8]
Index = npt.NDArray[np.intp]


class _Features(NamedTuple):
    """Features of a picture.

    Attributes:
        places: (n, 2) in pixels of the whole picture.
        looks: (n, 128) SIFT descriptors.
        scale: pixels searched per pixel of the whole picture.
        size: width and height of the whole picture.
    """

    places: Array
    looks: npt.NDArray[np.float32]
    scale: float
    size: tuple[int, int]


def rounds(image: Image, layout: Layout) -> Iterator[list[Placement]]:
    """Where each page of the layout would lie, if the image were of that page: first as most of the features have it,
    then as those have it that do not agree with that. (Where text was changed since, it moved what is below it.)

    Args:
        image: grey (h, w).

    Raises:
        Unregistered: the image is like no page of the form.
        InputError: the picture of the form cannot be read.
    """
    path = layout.registration.reference
    number = page_count(path)
    seen = _features(image)
    forms = [_form(path, min(page.number, number) - 1) for page in layout.pages]
    found = False
    for homographies in zip_longest(*(_homographies(form, seen) for form in forms)):
        found = True
        yield [
            _placed(layout, page, form, homography)
            for page, form, homography in zip(layout.pages, forms, homographies, strict=True)
            if homography is not None
        ]
    if not found:
        raise Unregistered("not_registered", "the page does not look like the reference picture of the form")


def _placed(layout: Layout, page: Page, form: _Features, homography: Array) -> Placement:
    """The page under a map from the form's picture, whose frame is the layout's page."""
    width, height = form.size
    to_form = np.array([(width / layout.width, 0, -0.5), (0, height / layout.height, -0.5), (0, 0, 1)])
    placed = homography @ to_form
    return Placement(page, quarter_turn(placed, layout.width, layout.height), 0.0, placed)


def page_count(path: str) -> int:
    """How many pages the picture of a form has.

    Raises:
        InputError: it is not there, or is no picture.
    """
    try:
        return pictures.count(Path(path))
    except pictures.Unreadable as error:
        raise _unusable(path, error) from None


def _unusable(path: str, error: pictures.Unreadable) -> InputError:
    return InputError(
        f"the reference picture cannot be read: {error.detail}",
        file=Path(path),
        mend="give a picture or PDF of the empty form",
    )


@lru_cache(maxsize=8)
def _form(path: str, page: int) -> _Features:
    try:
        return _features(pictures.load(Path(path), page))
    except pictures.Unreadable as error:
        raise _unusable(path, error) from None


def _features(image: Image) -> _Features:
    height, width = image.shape
    scale = min(1.0, SEARCH_PIXELS / max(height, width))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    keypoints, looks = cv2.SIFT.create(FEATURES).detectAndCompute(small, None)
    places = np.array([keypoint.pt for keypoint in keypoints], np.float64).reshape(-1, 2)
    looks = np.zeros((0, 128)) if looks is None else looks
    return _Features((places + 0.5) / scale - 0.5, np.asarray(looks, np.float32), scale, (width, height))


def _homographies(form: _Features, seen: _Features) -> Iterator[Array]:
    """Maps (3, 3) from the form's picture to the image, the one that most features agree on first."""
    if min(len(form.looks), len(seen.looks)) < ENOUGH:
        return
    squares = np.sum(form.looks**2, axis=1)[:, None] + np.sum(seen.looks**2, axis=1) - 2 * form.looks @ seen.looks.T
    distances = np.sqrt(np.maximum(squares, 0))
    ours, theirs = _unlike_others(distances)
    for _ in range(ROUNDS):
        rough, agree = _fit(form.places[ours], seen.places[theirs], seen.scale)
        if rough is None:
            return
        if paper_like(rough, form.size):
            alike = ALIKE * float(np.percentile(distances[ours, theirs][agree], 90))
            near = _nearby(distances, project(rough, form.places), seen, alike)
            fine, _ = _fit(form.places[near[0]], seen.places[near[1]], seen.scale)
            if fine is not None and paper_like(fine, form.size):
                yield fine
        ours, theirs = ours[~agree], theirs[~agree]


def _unlike_others(distances: npt.NDArray[np.float32]) -> tuple[Index, Index]:
    """Pairs (row, column) that are nearest to each other, and the column to the row by far."""
    best, next_best = np.partition(distances, 1, axis=1)[:, :2].T
    rows = np.flatnonzero(best < UNLIKE * next_best)
    columns = distances[rows].argmin(axis=1)
    mutual = distances[:, columns].argmin(axis=0) == rows
    return rows[mutual], columns[mutual]


def _nearby(distances: npt.NDArray[np.float32], expected: Array, seen: _Features, alike: float) -> tuple[Index, Index]:
    """Pairs of a feature of the form and the most like one near where it is expected on the image."""
    x, y = expected.T.astype(np.float32)
    seen_x, seen_y = seen.places.T.astype(np.float32)
    reach = np.float32(NEAR / seen.scale)
    near = (np.abs(x[:, None] - seen_x) <= reach) & (np.abs(y[:, None] - seen_y) <= reach)
    there = np.where(near, distances, np.inf)
    rows = np.flatnonzero(there.min(axis=1) <= alike)
    return rows, there[rows].argmin(axis=1)


def _fit(source: Array, target: Array, scale: float) -> tuple[Array | None, npt.NDArray[np.bool_]]:
    """The homography on which most pairs agree, None if they are too few, and which pairs agree."""
    agree = np.zeros(len(source), bool)
    if len(source) < ENOUGH:
        return None, agree
    homography, mask = cv2.findHomography(source, target, cv2.USAC_MAGSAC, TOLERANCE / scale, maxIters=10_000)
    if homography is None:
        return None, agree
    agree = mask.ravel().astype(bool)
    return (np.asarray(homography, np.float64) if agree.sum() >= ENOUGH else None), agree


def paper_like(homography: Array, size: tuple[float, float]) -> bool:
    """Whether a sheet of this size would be seen as one: nearly rectangular, and not from behind."""
    width, height = size
    if np.linalg.det(homography) <= 0:
        return False
    corners = project(homography, np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64))
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(sides, axis=1)
    if not np.all(np.isfinite(lengths)) or lengths.min() < 1 or not cv2.isContourConvex(corners.astype(np.float32)):
        return False
    cosines = np.abs(np.sum(sides * np.roll(sides, 1, axis=0), axis=1)) / (lengths * np.roll(lengths, 1))
    ratios = np.maximum(lengths[:2] / lengths[2:], lengths[2:] / lengths[:2])
    return bool(cosines.max() < MAX_COSINE and ratios.max() < MAX_RATIO)
