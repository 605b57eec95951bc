"""Layouts of any kind: drawn over a scan, converted into ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import InputError, UsageError
from engine.tables import write_bytes
from omr import image, importers, overlay
from omr.layout import Layout, Registration
from omr.marks import read_marks
from omr.reason import Reason
from omr.register import Placement, Unregistered, register, unchecked
from stages.work import Summary


def show_layout(file: Path, scan: Path, page: int = 1, output: Path | None = None) -> Summary:
    """Draw a layout's fields, and the marks read, over a page of a scan.

    Args:
        page: of the scan, from 1.
        output: the PNG to write; by default named after the scan, in the working folder.

    Raises:
        InputError: the layout or the scan cannot be read, or do not fit; of the latter there is a picture.
    """
    layout = importers.load_any(file)
    target = output or Path(f"{scan.stem}-{page}-fields.png")
    if target.suffix.lower() != ".png":
        raise UsageError("the picture is a PNG", file=target, mend="give a name that ends in .png")
    pixels = _load_page(scan, page)
    try:
        placement = register(pixels, layout)
    except Unregistered as refusal:
        mend = _draw_unchecked(pixels, layout, target)
        raise InputError(f"the page does not fit the layout: {refusal.detail}", file=scan, mend=mend) from None
    marks = read_marks(pixels, layout, placement)
    _draw_marks(pixels, layout, replace(placement, page=overlay.by_group(placement.page)), target)
    flagged = sum(bool(mark.flag) for mark in marks)
    summary = Summary(
        "layout show", exceptions=flagged, notes=[f"{overlay.LEGEND}; residual in {layout.unit}"], written=[target]
    )
    summary.figures["page"] = {
        "number": placement.page.number,
        "turned": placement.rotation,
        "residual": placement.residual,
    }
    summary.figures["fields"] = {"read": len(marks), "flagged": flagged}
    return summary


def _load_page(scan: Path, page: int) -> np.ndarray:
    try:
        pages = image.count(scan)
        if not 1 <= page <= pages:
            raise InputError(f"there is no page {page}: the scan has {pages}", file=scan)
        return image.load(scan, page - 1)
    except image.Unreadable as error:
        reason = Reason(error.reason)
        raise InputError(f"{reason.en}: {error.detail}", file=scan, mend=reason.mend) from None


def _draw_marks(pixels: np.ndarray, layout: Layout, placement: Placement, target: Path) -> None:
    marks = read_marks(pixels, layout, placement)
    values, doubtful = {mark.field: mark.value for mark in marks}, {mark.field for mark in marks if mark.flag}
    overlay.save(overlay.draw(pixels, layout, placement, values, doubtful), target)


def _draw_unchecked(pixels: np.ndarray, layout: Layout, target: Path) -> str:
    """Show where the fields of a page that does not fit would lie; returns what to do about it."""
    how = ""
    try:
        placement = unchecked(pixels, layout)
    except Unregistered:
        how = ", where the fields are drawn as if the picture were the page"
        placement = unchecked(pixels, layout.model_copy(update={"registration": Registration(method="frame")}))
    overlay.save(overlay.draw(pixels, layout, placement), target)
    return f"look at {target}{how}, and mend the layout or take another scan"


def convert_layout(file: Path, output: Path) -> Summary:
    """Write a layout of any kind as a Yuejuan layout, which can be moved together with the pictures that it names.

    Raises:
        InputError: the layout cannot be read.
        UsageError: another file stands where a picture would be copied to.
    """
    layout = importers.load_any(file)
    summary = Summary("layout convert", written=[output])
    names = {}
    for key in ("marker", "reference"):
        if picture := getattr(layout.registration, key):
            names[key] = _put_beside(Path(picture), output, summary)
    registration = layout.registration.model_copy(update=names)
    layout.model_copy(update={"registration": registration}).save(output)
    fields = sum(len(page.fields) for page in layout.pages)
    summary.figures["layout"] = {"pages": len(layout.pages), "fields": fields}
    return summary


def _put_beside(picture: Path, output: Path, summary: Summary) -> str:
    """The picture's path from the folder of `output`, where it is copied to unless it lies there."""
    folder = output.parent
    if image.inside(folder, picture):
        return picture.relative_to(folder.resolve()).as_posix()
    target = folder / picture.name
    data = picture.read_bytes()
    if not target.exists():
        write_bytes(data, target)
        summary.written.append(target)
    elif target.read_bytes() != data:
        mend = "write the layout into another folder, or move that file away"
        raise UsageError("another file is where the layout's picture would be copied to", file=target, mend=mend)
    return target.name
