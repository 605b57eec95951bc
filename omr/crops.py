"""Pictures for the person who decides: a field in doubt with its surroundings, or a page made small.

They are made of exceptions only, by the process that has the page decoded, and written before the part that the page
belongs to: a part that is there has its pictures. Their names depend on file, page and field alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.tables import write_bytes
from omr.layout import Bubble, Field, Layout, Rect
from omr.overlay import is_marked
from omr.placement import Placement

Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom, in layout units

FOLDER = "crops"
OF_READING, OF_MATCHING = ("page", "field"), ("pupil", "batch")  # kinds of exceptions
MOST_BYTES = 30_000  # of a picture
FULL_COLOUR = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)  # or thin lines go pale
QUALITIES = (85, 70, 50, 30, 15)  # of JPEG, until it is small enough
MOST_LETTERS = 24  # of each part of a name; up to four bytes each
LONGEST = 1000  # pixels: longer side of a picture
BUBBLE = 26  # pixels: the height to which smaller bubbles are enlarged
AROUND = 1.5  # bubbles' heights around a field (or quarters of the barcode's area); four times that on the left, where
# the item's number or name is printed, three times above a barcode, or the columns of a number to be written there
MOST_FIELDS = 20  # of a page with more in doubt, one picture of the whole page serves for all
MARKED, FIELD = (40, 40, 230), (255, 160, 60)  # BGR: frames around bubbles taken as marked, and the field


def name(kind: str, file: str, page: int, field: str = "") -> str:
    """Where the picture of an exception is kept, relative to the folder of readings.

    Args:
        kind, file, page, field: as in the table of exceptions.
    """
    digest = hashlib.sha256(repr((file, page, field)).encode()).hexdigest()[:10]
    folder, _, last = file.rpartition("/")
    words = map(_safe, (last.rpartition(".")[0] or last, f"p{page}", field))
    stem = "-".join(word for word in words if word)
    return "/".join(part for part in (FOLDER, kind, _safe(folder), f"{stem}-{digest}.jpg") if part)


def _safe(text: str) -> str:
    """Text as part of a file's name on any system: letters and digits of any language, a few only."""
    return re.sub(r"[^\w]+", "_", text)[-MOST_LETTERS:].strip("_")


def of_page(image: Image) -> bytes:
    """A page image, grey (h, w), made small, as JPEG."""
    return _jpeg(_shrunk(image))


def of_fields(
    image: Image, placement: Placement, names: Iterable[str], read: Mapping[str, str], *, code: bool = False
) -> bytes:
    """Some fields of a page with what is around them, upright, as JPEG; the whole page if it has none of them.

    Args:
        image: grey (h, w).
        names: of fields; those that the page does not have are passed over.
        read: field → value, to show which bubbles were taken as marked.
        code: show the area of the barcode as well.
    """
    wanted = set(names)
    fields = [field for field in placement.page.fields if field.name in wanted]
    area = placement.page.barcode if code else None
    if not fields and area is None:
        return of_page(image)
    height = min((field.height for field in fields), default=area.height / 4 if area else 0.0)
    box = _around(fields, area, AROUND * height)
    pixels = max(placement.scale, BUBBLE / height)
    pixels = min(pixels, LONGEST / max(box[2] - box[0], box[3] - box[1]))
    grey = _cut_out(image, placement, box, pixels, fields[0].block if fields else "")
    cut = np.stack([grey] * 3, axis=-1)
    for field in fields:
        _outline(cut, field, read.get(field.name, ""), box, pixels)
    return _jpeg(cut)


def _around(fields: Sequence[Field], area: Rect | None, margin: float) -> Box:
    centres = [(b.x, b.y, f.width / 2, f.height / 2) for f in fields for g in f.groups for b in g.bubbles]
    if area:
        centres.append((area.x + area.width / 2, area.y + area.height / 2, area.width / 2, area.height / 2))
    x, y, across, down = np.array(centres).T
    left, top, right, bottom = (x - across).min(), (y - down).min(), (x + across).max(), (y + down).max()
    written_above = area or bottom - top > right - left or any(len(field.groups) > 1 for field in fields)
    above = 3 if written_above else 1
    return float(left - 4 * margin), float(top - above * margin), float(right + margin), float(bottom + margin)


def _cut_out(image: Image, placement: Placement, box: Box, pixels: float, block: str) -> Image:
    """A part of the page, upright, with so many pixels a layout unit; what is off the picture is grey."""
    left, top, right, bottom = box
    corners = placement.points([(left, top), (right, top), (right, bottom), (left, bottom)], block)
    width, height = (max(1, round(length * pixels)) for length in (right - left, bottom - top))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(image, warp, (width, height), flags=cv2.INTER_AREA, borderValue=(128,))
    return np.asarray(cut, np.uint8)


def _outline(cut: Image, field: Field, value: str, box: Box, pixels: float) -> None:
    """Thin frames around the field and each bubble taken as marked, outside of them so that no ink is covered."""

    def frame(bubbles: Iterable[Bubble], away: int, colour: tuple[int, int, int]) -> None:
        at = np.array([(bubble.x, bubble.y) for bubble in bubbles])
        half = np.array([field.width / 2, field.height / 2])
        start, end = ((corner - box[:2]) * pixels for corner in (at.min(axis=0) - half, at.max(axis=0) + half))
        cv2.rectangle(cut, np.rint(start - away).astype(int).tolist(), np.rint(end + away).astype(int).tolist(), colour)

    frame((bubble for group in field.groups for bubble in group.bubbles), 7, FIELD)
    for place, group in enumerate(field.groups):
        for bubble in group.bubbles:
            if is_marked(field, place, bubble.label, value):
                frame((bubble,), 3, MARKED)


def _shrunk(image: Image, scale: float = 1.0) -> Image:
    """A picture made smaller, so that its longer side is `LONGEST` at most."""
    scale = min(scale, LONGEST / max(image.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(picture: Image) -> bytes:
    """A picture as JPEG of at most `MOST_BYTES`."""
    while True:
        for quality in QUALITIES:
            data = cv2.imencode(".jpg", picture, [*FULL_COLOUR, cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            if len(data) <= MOST_BYTES:
                return data
        picture = _shrunk(picture, 0.7)


def keep_page(out: Path, image: Image, file: str, page: int) -> None:
    """Keep the picture of a page that was not read."""
    write_bytes(of_page(image), out / name("page", file, page), durable=False)


def keep_fields(
    out: Path,
    image: Image,
    placement: Placement,
    layout: Layout,
    read: Mapping[str, str],
    doubtful: Sequence[str],
    file: str,
    page: int,
) -> None:
    """Keep a picture of each field in doubt; of many on one page, the page's."""
    parts = {joined.name: joined.fields for joined in layout.joined}
    whole = of_page(image) if len(doubtful) > MOST_FIELDS else b""
    for field in doubtful:
        data = whole or of_fields(image, placement, parts.get(field, (field,)), read)
        write_bytes(data, out / name("field", file, page, field), durable=False)


def attach(exceptions: pa.Table, out: Path) -> pa.Table:
    """The exceptions with `crop`: where their picture is, relative to `out`; null where there is none."""
    rows = zip(*(exceptions[column].to_pylist() for column in ("kind", "file", "page", "field")), strict=True)
    crops = [name(kind, file, page, field or "") if file else "" for kind, file, page, field in rows]
    there = [crop if crop and (out / crop).exists() else None for crop in crops]
    return exceptions.set_column(exceptions.column_names.index("crop"), "crop", pa.array(there, pa.string()))


def forget(out: Path, kinds: Iterable[str]) -> None:
    """Remove all pictures of these kinds."""
    for kind in kinds:
        shutil.rmtree(out / FOLDER / kind, ignore_errors=True)


def clean(exceptions: pa.Table, out: Path, kinds: Iterable[str]) -> None:
    """Remove the pictures of these kinds that belong to no exception: of scans since changed, or of a killed run."""
    wanted = {out / crop for crop in exceptions["crop"].to_pylist() if crop}
    for kind in kinds:
        for path in (out / FOLDER / kind).rglob("*.*"):
            if path not in wanted:
                path.unlink()
