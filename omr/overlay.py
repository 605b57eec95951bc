"""Draws on a page what the program believes: where each bubble is and which marks it took."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from engine.tables import write_bytes
from omr.fonts import cjk_font
from omr.layout import Field, Layout, Page
from omr.placement import Array, Placement

BUBBLE, MARKED, DOUBT, BOX, FIDUCIAL = (255, 128, 0), (0, 0, 255), (0, 140, 255), (0, 160, 0), (200, 0, 200)  # BGR
LEGEND = "blue: bubbles, red: read as marked, orange: in doubt; green: a field's name, at its first bubble"
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates
CAPITALS = 1.36  # size of letters by the height of their capitals
WIDTH = 1400  # smaller pictures are enlarged to about this, so that lines stay thinner than what they frame


def draw(
    image: npt.NDArray[np.uint8],
    layout: Layout,
    placement: Placement,
    marks: Mapping[str, str] | None = None,
    doubtful: Container[str] = (),
) -> npt.NDArray[np.uint8]:
    """The page with every bubble, box and corner mark outlined where the placement puts it.

    Args:
        image: grey (h, w).
        marks: field name to value as read: bubbles whose label occurs in the value of their field are drawn in red.
            The field's name stands at its first bubble, so that a form that is turned or shifted by a row is seen.
        doubtful: names of fields whose bubbles are drawn in orange, for somebody to look at.

    Returns:
        BGR, enlarged by a whole number when the image is small.
    """
    times = max(1, WIDTH // image.shape[1])
    canvas = np.stack([image] * 3, axis=-1).repeat(times, axis=0).repeat(times, axis=1)

    def outline(corners: Array, colour: tuple[int, int, int], block: str = "") -> None:
        pixels = (placement.points(corners, block) + 0.5) * times - 0.5
        polygon = np.rint(pixels * (1 << SHIFT)).astype(np.int32)
        cv2.polylines(canvas, [polygon], True, colour, max(1, times // 2), cv2.LINE_AA, SHIFT)

    names: list[tuple[str, Array, int]] = []
    for number, field in enumerate(placement.page.fields):
        value = (marks or {}).get(field.name, "")
        first, last = field.groups[0].bubbles[0], field.groups[0].bubbles[-1]
        corners = placement.points(_rectangle(first.x, first.y, field.width, field.height), field.block)
        down = abs(last.y - first.y) > abs(last.x - first.x)  # then the next field's name is beside this one's
        names.append((field.name, (corners + 0.5) * times, number % 2 if down else 0))
        for place, group in enumerate(field.groups):
            for bubble in group.bubbles:
                unmarked = DOUBT if field.name in doubtful else BUBBLE
                colour = MARKED if is_marked(field, place, bubble.label, value) else unmarked
                outline(_rectangle(bubble.x, bubble.y, field.width, field.height), colour, field.block)
    for box in (*placement.page.boxes, *([placement.page.barcode] if placement.page.barcode else [])):
        outline(_rectangle(box.x + box.width / 2, box.y + box.height / 2, box.width, box.height), BOX)
    for mark in placement.page.fiducials:
        outline(_rectangle(mark.x, mark.y, mark.size, mark.size), FIDUCIAL)
    return _written(canvas, names)


def _written(canvas: npt.NDArray[np.uint8], names: Iterable[tuple[str, Array, int]]) -> npt.NDArray[np.uint8]:
    """The picture with words, each above a box (4, 2), so many lines up, a third as high as the box."""
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for words, corners, line in names:
        (left, top), (_, bottom) = corners.min(axis=0), corners.max(axis=0)
        high = max((bottom - top) / 3, 8)
        place = round(left), round(top - 1 - line * 1.3 * high)
        pen.text(place, words, BOX, _font(round(high * CAPITALS)), anchor="ls")
    return np.asarray(picture)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(cjk_font()), size)


def by_group(page: Page) -> Page:
    """The page with every group of bubbles a field of its own, so that what is read of it tells which bubbles."""

    def named(field: Field, place: int) -> str:
        return f"{field.name} {place}" if len(field.groups) > 1 else field.name

    fields = (
        field.model_copy(update={"name": named(field, place), "groups": (group,), "join": "concat", "separator": "\n"})
        for field in page.fields
        for place, group in enumerate(field.groups, 1)
    )
    return page.model_copy(update={"fields": tuple(fields)})


def save(picture: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a picture as PNG."""
    write_bytes(cv2.imencode(".png", picture)[1].tobytes(), path)


def is_marked(field: Field, place: int, label: str, value: str) -> bool:
    """Whether this label is part of the value; a positional value has one character a place (see Field.join)."""
    if field.join == "positional" and len(value) == len(field.groups):
        return value[place] == label
    return label in (value.split(field.separator) if field.separator else value)


def _rectangle(x: float, y: float, width: float, height: float) -> Array:
    return np.array([(x + sx * width / 2, y + sy * height / 2) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
