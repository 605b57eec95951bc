"""PDF: a page that is one scanned picture gives that picture, pixel by pixel; any other page is drawn."""

from __future__ import annotations

import math
import os
import threading
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from omr import decode, limits
from omr.limits import Unreadable, check_size

DPI = 200  # for pages that are drawn, not scanned
MOST_THINGS = 300_000  # on a page, those in forms within forms counted each time
PAGES_AT_ONCE = 64  # read before a PDF is opened anew
MAX_DPI = 400  # whatever a PDF says of the pictures in it
MARGIN = 0.01  # of the page's side: a picture that leaves no more of the page uncovered is the page
DARK = 128  # mean grey: what is darker may not be what is shown, but have its greys turned round or a mask

Image = npt.NDArray[np.uint8]
Source = Path | bytes

_PLAIN_COLOURS = {
    raw.FPDF_COLORSPACE_DEVICEGRAY,
    raw.FPDF_COLORSPACE_DEVICERGB,
    raw.FPDF_COLORSPACE_CALGRAY,
    raw.FPDF_COLORSPACE_CALRGB,
    raw.FPDF_COLORSPACE_ICCBASED,
}

_lock = threading.Lock()  # PDFium is not safe to use from two threads


def count(source: Source) -> int:
    """How many pages a PDF has, by its own account.

    Raises:
        Unreadable: it can't be opened.
    """
    with _lock, closing(_opened(source)) as document:
        return len(document)


def page(source: Source, number: int) -> Image:
    """Page `number` (from 0) of a PDF, as it is shown.

    Raises:
        Unreadable: it can't be had.
    """
    with _lock:
        document = _kept(source, _state(source), number // PAGES_AT_ONCE)
        try:
            with closing(document[number]) as sheet:
                return _page(sheet)
        except (pdfium.PdfiumError, ValueError, IndexError) as error:
            raise Unreadable("damaged", f"PDF page {number + 1}: {error}") from None


@lru_cache(1)
def _kept(source: Source, _state: tuple[int, int], _block: int) -> pdfium.PdfDocument:
    """A PDF stays open for the pages that follow, as finding a page may mean to walk through all before it; not for
    ever, as it grows."""
    return _opened(source)


def _state(source: Source) -> tuple[int, int]:
    state = source.stat() if isinstance(source, Path) else None
    return (state.st_size, state.st_mtime_ns) if state else (0, 0)


def _opened(source: Source) -> pdfium.PdfDocument:
    if b"%%EOF" not in _end(source):
        raise Unreadable("truncated", "the PDF ends before its end-of-file marker")
    if isinstance(source, Path) and not _is_utf8(source):  # PDFium takes no other names
        source = source.read_bytes()
    raw.FPDF_LoadMemDocument(b"x", 1, None)  # PDFium may name the error of the file before this one: it is to be ours
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "the PDF asks for a password") from None
        raise Unreadable("damaged", f"PDF: {error}") from None


def _end(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[-1024:]
    with open(source, "rb") as file:
        file.seek(-min(1024, os.fstat(file.fileno()).st_size), os.SEEK_END)
        return file.read()


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class _Contents(NamedTuple):
    """What is to be seen on a page."""

    pictures: list[pdfium.PdfImage]
    others: int  # things that are not pictures


def _page(sheet: pdfium.PdfPage) -> Image:
    found = _contents(sheet)
    if len(found.pictures) == 1 and not found.others:
        placed = _Placed.on(sheet, found.pictures[0])
        image = placed and placed.pixels()
        if image is not None and cv2.mean(image[::8])[0] > DARK:
            return image
    for picture in found.pictures:
        if picture.get_filters() == ["DCTDecode"]:
            decode.check_jpeg_end(bytes(picture.get_data()))
    return _drawn(sheet, found)


def _contents(sheet: pdfium.PdfPage) -> _Contents:
    """Text that is not shown, as a program for recognising characters leaves it behind a scan, does not count."""
    pictures, others = [], 0
    for number, thing in enumerate(sheet.get_objects()):
        if number == MOST_THINGS:
            raise Unreadable("too_large", f"more than {MOST_THINGS} things on the PDF page")
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            check_size(*thing.get_px_size())
            pictures.append(thing)
        elif thing.type != raw.FPDF_PAGEOBJ_TEXT or (
            raw.FPDFTextObj_GetTextRenderMode(thing) != raw.FPDF_TEXTRENDERMODE_INVISIBLE
        ):
            others += 1
    return _Contents(pictures, others)


class _Placed(NamedTuple):
    """A picture that covers a page, its sides along those of the page.

    Attributes:
        about: what PDFium says of the picture.
        matrix: (a, b, c, d, e, f) from the unit square, its origin at the picture's lower left, to points of the page.
        view: left, bottom, right, top of what is shown of the page, in points.
        rotation: how far the page is turned clockwise when it is shown, in degrees.
    """

    picture: pdfium.PdfImage
    about: raw.FPDF_IMAGEOBJ_METADATA
    matrix: tuple[float, float, float, float, float, float]
    view: tuple[float, float, float, float]
    rotation: int

    @classmethod
    def on(cls, sheet: pdfium.PdfPage, picture: pdfium.PdfImage) -> _Placed | None:
        """None when the picture is not so placed, or not painted plainly."""
        about = picture.get_metadata()
        placed = cls(picture, about, picture.get_matrix().get(), _view(sheet), sheet.get_rotation())
        left, bottom, right, top = placed.view
        a, b, c, d, _, _ = placed.matrix
        outer = placed.extent()
        slack = MARGIN * (right - left), MARGIN * (top - bottom)
        covers = (
            outer[0] <= left + slack[0]
            and outer[1] <= bottom + slack[1]
            and outer[2] >= right - slack[0]
            and outer[3] >= top - slack[1]
            and min(slack) > 0
        )
        along = max(abs(b), abs(c)) < 1e-3 * min(abs(a), abs(d)) or max(abs(a), abs(d)) < 1e-3 * min(abs(b), abs(c))
        # A stencil, through which colour is painted, has no colours of its own.
        stencil = about.colorspace == raw.FPDF_COLORSPACE_UNKNOWN
        plain = not stencil and not raw.FPDFPageObj_HasTransparency(picture)
        return placed if covers and along and plain else None

    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of the picture on the page."""
        a, b, c, d, e, f = self.matrix
        return e + min(a, c, a + c, 0), f + min(b, d, b + d, 0), e + max(a, c, a + c, 0), f + max(b, d, b + d, 0)

    def pixels(self) -> Image:
        """The picture's own pixels, as they are shown."""
        a, b, c, d, _, _ = self.matrix
        image = self._stored()
        if abs(a) > abs(b):
            image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
        else:
            image = image.T[:: -1 if b > 0 else 1, :: -1 if c > 0 else 1]
        image = np.ascontiguousarray(self._shown(image))
        left, bottom, right, top = self.extent()
        height, width = image.shape
        across, down = (
            width / (min(right, self.view[2]) - max(left, self.view[0])),
            height / (min(top, self.view[3]) - max(bottom, self.view[1])),
        )
        return np.ascontiguousarray(np.rot90(decode.squared(image, down / across), -self.rotation // 90))

    def _stored(self) -> Image:
        """The picture as it is stored: decoded by us when it is a JPEG in plain grey or colour."""
        ours = self.about.bits_per_pixel in (8, 24) and self.about.colorspace in _PLAIN_COLOURS
        if ours and self.picture.get_filters() == ["DCTDecode"]:
            return decode.stored_jpeg(bytes(self.picture.get_data()))
        return _grey(self.picture.get_bitmap())

    def _shown(self, image: Image) -> Image:
        """The part of an upright picture that lies in view."""
        left, bottom, right, top = self.extent()
        height, width = image.shape
        x = [round(width * (side - left) / (right - left)) for side in (self.view[0], self.view[2])]
        y = [round(height * (top - side) / (top - bottom)) for side in (self.view[3], self.view[1])]
        return image[max(y[0], 0) : y[1], max(x[0], 0) : x[1]]


def _view(sheet: pdfium.PdfPage) -> tuple[float, float, float, float]:
    """What is shown of a page: its crop box as far as it lies in the media box."""
    media, crop = sheet.get_mediabox(), sheet.get_cropbox()
    left, bottom, right, top = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    return (left, bottom, right, top) if left < right and bottom < top else media


def _drawn(sheet: pdfium.PdfPage, found: _Contents) -> Image:
    """The page at the resolution of its pictures; when there is more to it than pictures, at `DPI` at least."""
    scale = DPI / 72 if found.others or not found.pictures else 0.0
    for picture in found.pictures:
        a, b, _, _, _, _ = picture.get_matrix().get()
        scale = max(scale, picture.get_px_size()[0] / max(math.hypot(a, b), 1.0))
    width, height = sheet.get_size()  # points
    scale = min(scale, MAX_DPI / 72, math.sqrt(limits.MAX_PIXELS / max(width * height, 1.0)))
    return _grey(sheet.render(scale=scale, grayscale=True, may_draw_forms=False))


def _grey(bitmap: pdfium.PdfBitmap) -> Image:
    pixels = bitmap.to_numpy()
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_BGR2GRAY), np.uint8)
    return pixels.reshape(bitmap.height, bitmap.width).copy()
