"""Files of scans → pages as grey arrays: JPEG, PNG, TIFF (multi-page, G4), PDF, WebP, BMP.

A file is told by its content, not by its name. It is hostile until shown otherwise: its size is read from its header
and limited before a decoder sees it, and a file that ends too early is refused, never read as half a page.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pypdfium2 as pdfium

from engine.errors import InputError
from omr import headers
from omr.headers import JPEG, PDF, PNG, TIFF

MAX_PIXELS = 100_000_000  # of one page: A3 at 600 dpi is 70 million
MAX_BYTES = 1 << 30  # of one file
MAX_PAGES = 10_000  # of one file

PDF_DPI = 200  # for PDF pages that are drawn, not scanned
PDF_MAX_DPI = 400  # whatever a PDF says of the pictures in it

# Names that make a file a scan. A phone's .heic is one too: it can't be read, and that must be seen.
EXTENSIONS = frozenset(".jpg .jpeg .jpe .jfif .png .tif .tiff .pdf .webp .bmp .dib .heic .heif".split())

# Decoders fill what is missing at the end of a JPEG with this grey.
_JPEG_FILL = 128

_pdf_lock = threading.Lock()  # PDFium is not safe to use from two threads


class Unreadable(Exception):
    """A page that can't be turned into pixels.

    `reason` is the value of an `omr.read.Reason`, `detail` says what was seen.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str, str]]:
        return Unreadable, (self.reason, self.detail)


def list_scans(root: Path) -> list[Path]:
    """All scans in a folder and the folders in it, in the order of their paths; hidden files and folders are left out.

    Links that lead out of the folder are in the list, also links to folders, so that somebody hears of them; they are
    refused when they are to be read (`inside`).

    Raises:
        InputError: a folder can't be opened, so the scans in it would be missing.
    """
    scans = []
    for folder, folders, files in os.walk(root, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(folder)
        scans += [here / name for name in files if name[0] != "." and Path(name).suffix.lower() in EXTENSIONS]
        scans += [here / name for name in folders if (here / name).is_symlink() and not inside(root, here / name)]
    return sorted(scans, key=lambda path: path.relative_to(root).parts)


def _refuse_folder(error: OSError) -> NoReturn:
    raise InputError(
        f"cannot open the folder: {error.strerror or error}",
        file=error.filename,
        mend="give yourself permission to read it, or move it away from the scans",
    )


def inside(root: Path, path: Path) -> bool:
    """Whether a path, links followed, is in the folder `root`."""
    return Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(root)
    )  # Path.resolve raises for a circle of links


def pages(path: Path) -> Iterator[np.ndarray]:
    """The pages of a file, as grey uint8 arrays (height, width).

    Raises:
        Unreadable: the file, or the page that is next, can't be read.
    """
    for page in range(count(path)):
        yield load(path, page)


def count(path: Path) -> int:
    """How many pages a file has, without decoding any.

    Raises:
        Unreadable: it can't be told, so no page can be read.
    """
    kind = _kind(path)
    if kind == PDF:
        with _pdf_lock, _open_pdf(path) as document:
            number = len(document)
    elif kind == TIFF:
        number = len(_tiff(path)[1])
    else:
        number = 1
    if number > MAX_PAGES:
        raise Unreadable("too_many_pages", f"more than {MAX_PAGES} pages")
    if number < 1:
        raise Unreadable("damaged", f"{kind} file without pages")
    return number


def load(path: Path, page: int = 0) -> np.ndarray:
    """Page `page` (from 0) of a file, as a grey uint8 array (height, width), turned as its orientation tag says.

    Raises:
        Unreadable: with the reason why not.
    """
    kind = _kind(path)
    if kind == PDF:
        return _load_pdf(path, page)
    if kind == TIFF:
        return _load_tiff(path, page)
    return _decode(path.read_bytes(), kind)


def _kind(path: Path) -> str:
    """The format of a file; raises Unreadable for what is not a picture at all."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # opening a pipe would wait for somebody to write into it
            raise Unreadable("unreadable", "a folder, pipe or device, not a file")
        with open(path, "rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from None
    if not head:
        raise Unreadable("empty", "0 bytes")
    if state.st_size > MAX_BYTES:
        raise Unreadable("too_large", f"{state.st_size} bytes; the limit is {MAX_BYTES}")
    kind = headers.kind(head)
    if not kind:
        seen = "text" if _is_text(head) else f"a file that starts with {head[:8].hex(' ')}"
        raise Unreadable("not_an_image", f"{seen}, not one of {', '.join(headers.KINDS)}")
    return kind


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise Unreadable("damaged", f"{width} × {height} pixels")
    if width * height > MAX_PIXELS:
        raise Unreadable("too_large", f"{width} × {height} pixels; the limit is {MAX_PIXELS}")


def _decode(data: bytes, kind: str) -> np.ndarray:
    """The picture in a file of one picture."""
    try:
        _check_size(*headers.size(data, kind))
    except (IndexError, struct.error):
        raise Unreadable("truncated", f"the {kind} ends in its header") from None
    except ValueError:
        raise Unreadable("damaged", f"no size in the {kind} header") from None
    if kind == JPEG:
        _check_jpeg_end(data)
    array = np.frombuffer(data, np.uint8)
    if kind == PNG and headers.png_has_alpha(data):
        return _on_white(_imdecode(array, kind, cv2.IMREAD_UNCHANGED))
    image = _imdecode(array, kind)
    if kind == JPEG:
        _check_jpeg_filled(image)
    return image


def _check_jpeg_end(data: bytes) -> None:
    """The last scan has an end. (A thumbnail in the header has an end of its own, but comes before the last scan.)"""
    if not data.endswith(b"\xff\xd9") and data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda"):
        raise Unreadable("truncated", "the JPEG ends before its end-of-image marker")


def _check_jpeg_filled(image: np.ndarray) -> None:
    """No edge is missing. (A file cut off and then mended has its end marker, but not its last rows.)"""
    if any((edge == _JPEG_FILL).all() for edge in (image[:8], image[-8:], image[:, :8], image[:, -8:])):
        raise Unreadable("truncated", "part of the JPEG is missing: it came out as plain grey")


def _imdecode(array: np.ndarray, kind: str, flags: int = cv2.IMREAD_GRAYSCALE) -> np.ndarray:
    try:
        image = cv2.imdecode(array, flags)
    except cv2.error as error:
        raise Unreadable("damaged", f"{kind}: {error.err}") from None
    if image is None:
        raise Unreadable("damaged", f"the {kind} data end too early or make no sense")
    return image


def _on_white(image: np.ndarray) -> np.ndarray:
    """A picture with alpha (height, width, BGRA), as it looks on white paper."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY).astype(np.uint16)
    alpha = image[..., 3].astype(np.uint16)
    return ((grey * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)


def _tiff(path: Path) -> tuple[mmap.mmap, list[headers.TiffPage]]:
    """The bytes of a TIFF, mapped and copied on writing, and its pages."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    try:
        return data, headers.tiff_pages(data, MAX_PAGES)
    except struct.error:
        raise Unreadable("truncated", "the TIFF ends in its header") from None


def _load_tiff(path: Path, page: int) -> np.ndarray:
    data, found = _tiff(path)
    offset, width, height = found[page]
    if not width:
        raise Unreadable("truncated", f"the TIFF ends before the directory of page {page + 1}")
    _check_size(width, height)
    # Make this page the first of the chain: the decoder need not walk there.
    struct.pack_into(headers.tiff_order(data) + "I", data, 4, offset)
    return _imdecode(np.frombuffer(data, np.uint8), TIFF)


def _open_pdf(path: Path) -> closing[pdfium.PdfDocument]:
    with open(path, "rb") as file:
        file.seek(-min(1024, path.stat().st_size), os.SEEK_END)
        if b"%%EOF" not in file.read():
            raise Unreadable("truncated", "the PDF ends before its end-of-file marker")
    try:
        return closing(pdfium.PdfDocument(path))
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium.raw.FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "the PDF asks for a password") from None
        raise Unreadable("damaged", f"PDF: {error}") from None


def _load_pdf(path: Path, page: int) -> np.ndarray:
    """A scanned page is the JPEG in it, as scanned, where it can be had; anything else is drawn."""
    with _pdf_lock, _open_pdf(path) as document:
        try:
            sheet = document[page]
            things = list(sheet.get_objects())
            pictures = [thing for thing in things if thing.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE]
            for picture in pictures:
                _check_size(*picture.get_px_size())
            if len(things) == 1 and pictures and _is_whole_page(sheet, pictures[0]):
                jpeg = bytes(pictures[0].get_data())
                return np.ascontiguousarray(np.rot90(_decode(jpeg, JPEG), -sheet.get_rotation() // 90))
            for picture in pictures:
                if picture.get_filters() == ["DCTDecode"]:
                    _check_jpeg_end(bytes(picture.get_data()))
            return _draw(sheet, pictures, scanned=len(things) == len(pictures))
        except (pdfium.PdfiumError, ValueError) as error:
            raise Unreadable("damaged", f"PDF page {page + 1}: {error}") from None


def _is_whole_page(sheet: pdfium.PdfPage, picture: pdfium.PdfImage) -> bool:
    """Whether a picture is an upright JPEG in grey or colour that covers the page."""
    a, b, c, d, _, _ = picture.get_matrix().get()
    left, bottom, right, top = sheet.get_mediabox()
    return (
        picture.get_filters() == ["DCTDecode"]
        and picture.get_metadata().bits_per_pixel in (8, 24)
        and b == c == 0
        and a >= 0.99 * (right - left)
        and d >= 0.99 * (top - bottom)
        and sheet.get_cropbox() == sheet.get_mediabox()
    )


def _draw(sheet: pdfium.PdfPage, pictures: list[pdfium.PdfImage], *, scanned: bool) -> np.ndarray:
    """The page at the resolution of its pictures; when there is more to it than pictures, at `PDF_DPI` at least."""
    scale = 0.0 if scanned and pictures else PDF_DPI / 72
    for picture in pictures:
        a, b, _, _, _, _ = picture.get_matrix().get()
        scale = max(scale, picture.get_px_size()[0] / max(math.hypot(a, b), 1.0))
    width, height = sheet.get_size()  # points
    scale = min(scale, PDF_MAX_DPI / 72, math.sqrt(MAX_PIXELS / max(width * height, 1.0)))
    bitmap = sheet.render(scale=scale, grayscale=True, may_draw_forms=False)
    return bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
