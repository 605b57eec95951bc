"""Prints answer sheets: a layout becomes a vector PDF, blank or one sheet a pupil.

What all sheets share is typeset once, and laid under every pupil's pages as a PDF image: 480 pages take a fraction of
a second, where drawing each page anew takes minutes, and a printer rasterises the shared part once.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import typst
import zxingcpp
from pydantic import BaseModel, ConfigDict

from engine.errors import InputError, raise_all
from engine.tables import ABSENT, VIOLATION, write_bytes
from omr import fonts
from omr.design import design
from omr.layout import Fiducial, Field, Layout, Page, Rect, Text
from omr.spec import SheetField, SheetSpec, load_spec

__all__ = ["Pupil", "SheetField", "SheetSpec", "design", "draw", "load_spec"]

# Light enough that an empty bubble is no mark, dark enough that registration finds it.
OUTLINE, OUTLINE_GREY, LETTER_GREY = 0.15, 110, 140
LETTER_SIZE = 6.0  # points
EM = 25.4 / 72  # mm a point

BAR = 0.5  # width of a narrow bar, at most: four pixels of a 200 dpi scan, so that swollen bars leave gaps
DOT = 0.6  # side of a dot of a QR code
NARROWEST = 0.24  # bar or dot that a 200 dpi scan still resolves
FIGURES = 4.0  # height of the line of figures under a barcode

MARKER_DICTIONARY = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
MARKER_MODULES = 7

Bar = tuple[float, float, float, float]  # x, y, width, height


class Pupil(BaseModel):
    """Who a sheet is printed for. `number` is the candidate number, which the barcode holds."""

    model_config = ConfigDict(frozen=True)

    number: str
    name: str = ""
    school: str = ""
    class_name: str = ""
    room: str = ""
    seat: str = ""


def draw(layout: Layout, pdf_path: Path, pupils: Sequence[Pupil] | None = None) -> int:
    """Print a layout.

    Args:
        pupils: a sheet each, with name and barcode on every page; None: one blank sheet.

    Returns:
        The number of pages written. Pages of a pupil follow each other.

    Raises:
        InputError: the font lacks a character, or a number can't be put into the barcode area.
    """
    _check_characters(layout, pupils or ())
    static = _typeset(layout, [_static(page, blank=pupils is None) for page in layout.pages])
    if pupils is None:
        write_bytes(static, pdf_path)
        return len(layout.pages)
    pages = [_personal(page, pupil) for pupil in pupils for page in layout.pages]
    write_bytes(_typeset(layout, pages, static), pdf_path)
    return len(pages)


def _typeset(layout: Layout, pages: list[dict[str, Any]], static: bytes = b"") -> bytes:
    data = {"font": fonts.FAMILY, "width": layout.width, "height": layout.height, "pages": pages}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pages.json").write_text(json.dumps(data), "utf-8")
        (folder / "static.pdf").write_bytes(static)
        shutil.copy(Path(__file__).with_name("sheet.typ"), folder)
        return typst.compile(
            folder / "sheet.typ",
            font_paths=[fonts.cjk_font().parent],
            ignore_system_fonts=True,
            timestamp=0,
            pdf_tags=False,
        )


def _static(page: Page, blank: bool) -> dict[str, Any]:
    """What every sheet shares."""
    words = [text for text in page.texts if not text.pupil and (blank or not text.blank_only)]
    return {
        "background": None,
        "shapes": [_frame(frame.model_dump()) for frame in page.frames]
        + [shape for field in page.fields for shape in _outlines(field)],
        "texts": [_words(text, text.text) for text in words]
        + [letter for field in page.fields for letter in _letters(field)],
        "bars": [bar for fiducial in page.fiducials for bar in _marker(fiducial)],
    }


def _personal(page: Page, pupil: Pupil) -> dict[str, Any]:
    """What is printed over it for one pupil."""
    bars: list[Bar] = []
    texts = [_words(text, getattr(pupil, text.pupil)) for text in page.texts if text.pupil]
    if page.barcode is not None:
        bars, figures = _code(page.barcode, pupil.number)
        texts += figures
    return {"background": page.number, "shapes": [], "texts": texts, "bars": bars}


def _frame(frame: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "box" if frame["width"] and frame["height"] else "line", **frame}


def _outlines(field: Field) -> Iterator[dict[str, Any]]:
    for group in field.groups:
        for bubble in group.bubbles:
            yield {
                "kind": field.shape,
                "x": bubble.x - field.width / 2,
                "y": bubble.y - field.height / 2,
                "width": field.width,
                "height": field.height,
                "line": OUTLINE,
                "grey": OUTLINE_GREY,
                "fill": None,
                "radius": 0,
            }


def _letters(field: Field) -> Iterator[dict[str, Any]]:
    """The labels inside the bubbles; the invigilator's marks have none."""
    if field.name in (ABSENT, VIOLATION):
        return
    for group in field.groups:
        for bubble in group.bubbles:
            letter = Text(
                x=bubble.x, y=bubble.y, size=LETTER_SIZE, align="center", width=field.width - 0.6, grey=LETTER_GREY
            )
            yield _words(letter, bubble.label)


def _words(text: Text, words: str) -> dict[str, Any]:
    size = text.size
    if text.width and words:
        size = min(size, text.width / (EM * fonts.width(words)))
    return {
        "x": text.x,
        "y": text.y,
        "size": round(size, 2),
        "text": words,
        "align": text.align,
        "grey": text.grey,
        "bold": text.bold,
    }


def _marker(fiducial: Fiducial) -> list[Bar]:
    picture = cv2.aruco.generateImageMarker(MARKER_DICTIONARY, fiducial.id, MARKER_MODULES)
    half = fiducial.size / 2
    return _bars(picture == 0, fiducial.x - half, fiducial.y - half, fiducial.size / MARKER_MODULES)


def _code(area: Rect, number: str) -> tuple[list[Bar], list[dict[str, Any]]]:
    """A pupil's barcode in the middle of its area; under Code 128 the number in figures."""
    qr = area.name == "qr"
    try:
        code = zxingcpp.create_barcode(number, zxingcpp.BarcodeFormat.QRCode if qr else zxingcpp.BarcodeFormat.Code128)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"candidate number {number!r} can't be written as a barcode: {error}", column="candidate_no"
        ) from None
    dark = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) == 0
    quiet = 8 if qr else 20  # modules, on both sides together
    module = min(DOT, area.height / (len(dark) + quiet)) if qr else min(BAR, area.width / (dark.shape[1] + quiet))
    if module < NARROWEST:
        raise InputError(
            f"candidate number {number!r} is too long for the barcode area", column="candidate_no",
            mend='set barcode = "qr" in sheet.toml',
        )  # fmt: skip
    left = area.x + (area.width - dark.shape[1] * module) / 2
    if qr:
        return _bars(dark, left, area.y + (area.height - len(dark) * module) / 2, module), []
    top, height = area.y + 1.5, area.height - FIGURES - 2
    bars = [(x, top, width, height) for x, _, width, _ in _bars(dark[:1], left, top, module)]
    figures = Text(x=area.x + area.width / 2, y=area.y + area.height - FIGURES / 2 - 0.3, size=8, align="center")
    return bars, [_words(figures, number)]


def _bars(dark: np.ndarray, x: float, y: float, module: float) -> list[Bar]:
    """The runs of dark modules, row by row, as rectangles."""
    bars = []
    for i, row in enumerate(dark):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False]))))
        for first, last in edges.reshape(-1, 2).tolist():
            bars.append((x + first * module, y + i * module, (last - first) * module, module))
    return bars


def _check_characters(layout: Layout, pupils: Sequence[Pupil]) -> None:
    """Nothing is printed as an empty box (豆腐块)."""
    for text in (text.text for page in layout.pages for text in page.texts):
        if absent := fonts.missing([text]):
            raise InputError(
                f"the font has no {_named(absent)}, which the sheet wants in {text!r}",
                mend="write these words in another way, in the exam's or the sheet's .toml or in the blueprint",
            )
    errors = [
        InputError(
            f"candidate {pupil.number}: the font has no {_named(lacking)}", column="name",
            mend="write the name with 〓 in its place; the number identifies the pupil",
        )
        for pupil in pupils
        if (lacking := fonts.missing(pupil.model_dump().values()))
    ]  # fmt: skip
    raise_all(errors)


def _named(letters: str) -> str:
    return ", ".join(f"{letter if letter.isprintable() else 'character'} (U+{ord(letter):04X})" for letter in letters)
