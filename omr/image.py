"""Files of scans → pages as grey arrays: JPEG, PNG, TIFF, PDF, WebP, BMP, in folders and in zipped folders.

A file is told by its content, not by its name. It is hostile until shown otherwise: its size is read from its header
and limited before a decoder sees it, and a file that ends too early is refused, never read as half a page.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

import numpy as np

from engine.errors import InputError
from omr import archive, decode, headers, limits, pdf, tiff
from omr.headers import PDF, PICTURES, TIFF, ZIP
from omr.limits import Unreadable

# Names that make a file a scan. Some of them can't be read, as a phone's .heic: that must be seen.
EXTENSIONS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .tif .tiff .pdf .webp .bmp .dib .zip .heic .heif .avif .gif .jp2 .rar .7z".split()
)
HEAD = 1024  # bytes by which a format is told


def list_scans(root: Path) -> list[Path]:
    """All scans in a folder and the folders in it, zipped or not, in the order of their paths; or one file's.

    Hidden files and folders, and what systems leave behind, are left out. A file with another program's suffix, or
    none, is a scan if its content is a picture. Links that lead out of the folder are in the list, also links to
    folders, so that somebody hears of them; they are refused when they are to be read (`inside`).

    Raises:
        InputError: a folder can't be opened, so the scans in it would be missing.
    """
    if not root.is_dir():
        return _unzipped(root)
    scans = []
    for folder, folders, files in os.walk(root, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not _of_system(name)]
        here = Path(folder)
        for path in (here / name for name in files if not _of_system(name)):
            if _is_scan(path):
                scans += _unzipped(path) if _is_zip(path) and inside(root, path) else [path]
        scans += [here / name for name in folders if (here / name).is_symlink() and not inside(root, here / name)]
    return sorted(scans, key=lambda path: path.relative_to(root).parts)


def _refuse_folder(error: OSError) -> NoReturn:
    raise InputError(
        f"cannot open the folder: {error.strerror or error}",
        file=error.filename,
        mend="give yourself permission to read it, or move it away from the scans",
    )


def _of_system(name: str) -> bool:
    return (name.startswith(".") and name != "..") or name == "__MACOSX"


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _is_scan(path: Path) -> bool:
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        with _open(path) as opened:
            return opened.kind in PICTURES and (opened.kind != PDF or opened.head.startswith(b"%PDF-"))
    except Unreadable:
        return False


def _unzipped(path: Path) -> list[Path]:
    """The scans in a file: itself, unless it is an archive that has any."""
    if not _is_zip(path):
        return [path]
    try:
        with _open(path) as opened:
            if opened.kind != ZIP:
                return [path]
        depth = len(path.parts)
        scans = [one for one in archive.members(path) if not any(map(_of_system, one.parts[depth:])) and _is_scan(one)]
    except Unreadable:
        return [path]
    return sorted(scans, key=lambda path: path.parts) or [path]


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


def kind(path: Path) -> str:
    """The format of a file.

    Raises:
        Unreadable: it is none that can be read.
    """
    with _open(path) as opened:
        return _picture(opened, path)


def count(path: Path) -> int:
    """How many pages a file has, without decoding any.

    Raises:
        Unreadable: it can't be told, so no page can be read.
    """
    form = kind(path)
    number = 1
    if form == PDF:
        number = pdf.count(_source(path))
    elif form == TIFF:
        number = len(_directory(path))
    if number > limits.MAX_PAGES:
        raise Unreadable("too_many_pages", f"more than {limits.MAX_PAGES} pages")
    if number < 1:
        raise Unreadable("damaged", f"{form} file without pages")
    return number


def load(path: Path, page: int = 0) -> np.ndarray:
    """Page `page` (from 0) of a file, as a grey uint8 array (height, width) with square pixels, turned as it says.

    Raises:
        Unreadable: with the reason why not.
    """
    try:
        with _open(path) as opened:
            form = _picture(opened, path)
            data = b"" if form in (TIFF, PDF) else opened.head + opened.file.read()
        if form == PDF:
            return pdf.page(_source(path), page)
        if form == TIFF:
            return _tiff_page(path, page)
        return decode.picture(data, form)
    except MemoryError:
        raise Unreadable("too_large", "there is not enough memory for it") from None


def _tiff_page(path: Path, page: int) -> np.ndarray:
    found = _directory(path)
    if page >= len(found):
        raise Unreadable("damaged", f"the TIFF has no page {page + 1}")
    return decode.tiff_page(_tiff(path), found[page])


class _Opened(NamedTuple):
    """A file, on disk or in an archive, of which the beginning has been read."""

    file: IO[bytes]
    head: bytes
    kind: str  # "" when it is no format of ours


@contextmanager
def _open(path: Path) -> Iterator[_Opened]:
    """Open a file; raises Unreadable for what is none, or too large."""
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        holder = archive.holding(path)
        if holder is None:
            raise Unreadable("unreadable", getattr(error, "strerror", None) or str(error)) from None
        with archive.open_member(holder, path) as (file, _):
            head = file.read(HEAD)
            yield _Opened(file, head, headers.kind(head))
        return
    if not stat.S_ISREG(state.st_mode):  # opening a pipe would wait for somebody to write into it
        raise Unreadable("unreadable", "a folder, pipe or device, not a file")
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
            form = headers.kind(head)
            if state.st_size > limits.MAX_BYTES and form != ZIP:
                raise Unreadable("too_large", f"{state.st_size} bytes; the limit is {limits.MAX_BYTES}")
            yield _Opened(file, head, form)
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from None


def _picture(opened: _Opened, path: Path) -> str:
    """The format of a file that is a picture."""
    if not opened.head:
        raise Unreadable("empty", "0 bytes")
    if opened.kind == ZIP:
        raise Unreadable("archive", _why_not(path))
    if not opened.kind:
        seen = "text" if _is_text(opened.head) else f"a file that starts with {opened.head[:8].hex(' ')}"
        raise Unreadable("not_an_image", f"{seen}, not one of {', '.join(PICTURES)}")
    return opened.kind


def _why_not(path: Path) -> str:
    """Why an archive was not read as a folder."""
    if not path.is_file():
        return "an archive in an archive"
    if not _is_zip(path):
        return "an archive, though its name does not end in .zip"
    archive.members(path)
    return "an archive without scans"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def _source(path: Path) -> pdf.Source:
    return path if path.is_file() else _member(path, _state(path))


def _tiff(path: Path) -> mmap.mmap | bytearray:
    """The bytes of a TIFF, to be written on: of a file on disk, a map of them that is copied on writing."""
    if not path.is_file():
        return bytearray(_member(path, _state(path)))
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _directory(path: Path) -> list[tiff.Page]:
    return _kept_directory(path, _state(path))


@lru_cache(4)
def _kept_directory(path: Path, _: tuple[int, int]) -> list[tiff.Page]:
    """Walked once for all pages of a file."""
    return tiff.pages(_tiff(path))


@lru_cache(1)
def _member(path: Path, _: tuple[int, int]) -> bytes:
    """A file of many pages in an archive, unpacked once for all of them."""
    with _open(path) as opened:
        return opened.head + opened.file.read()


def _state(path: Path) -> tuple[int, int]:
    """(size, time of change) of a file, or of the archive that holds it."""
    state = on_disk(path).stat()
    return state.st_size, state.st_mtime_ns


def on_disk(path: Path) -> Path:
    """The file itself, or the archive that holds it."""
    return path if os.path.lexists(path) else archive.holding(path) or path
