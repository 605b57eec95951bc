"""Pages to read, in parts whose results are kept on disk, so that a run that was ended at any moment can go on.

A part is named by a digest of all that its result depends on. It is on disk whole or not at all, and a rerun does
only the parts that are not there.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa

import omr
from engine import tables
from omr import image

PART_PAGES = 16  # on average
MOST_PAGES = 64

Readings = tuple[pa.Table, pa.Table]  # pages, marks


class PageRef(NamedTuple):
    """A page to read."""

    file: str  # relative to the base folder, "/" between folders
    page: int  # within the file, from 0


@dataclass(frozen=True)
class Part:
    """Some pages, and the name under which their readings are kept."""

    key: str
    refs: tuple[PageRef, ...]


def plan(base: Path, files: Iterable[Path], identity: bytes) -> list[Part]:
    """Cut the pages of the files, in their order, into parts.

    Where a part ends depends on the names of the files in it only, not on how many came before: a sheet scanned later
    changes one part, not all that follow.

    Args:
        base: the folder to which names are relative.
        identity: whatever else the readings depend on.
    """
    parts: list[Part] = []
    refs: list[PageRef] = []
    digest = hashlib.sha256(identity)
    for file in files:
        name = file.relative_to(base).as_posix()
        for ref in _pages(base, file, name):
            refs.append(ref)
            digest.update(repr((ref, _state(file))).encode())
            if len(refs) == MOST_PAGES or zlib.crc32(repr(ref).encode()) % PART_PAGES == 0:
                parts.append(Part(digest.hexdigest()[:32], tuple(refs)))
                refs, digest = [], hashlib.sha256(identity)
    if refs:
        parts.append(Part(digest.hexdigest()[:32], tuple(refs)))
    return parts


def _pages(base: Path, file: Path, name: str) -> list[PageRef]:
    """A file of which the pages can't be counted counts as one, which can't be read."""
    try:
        number = image.count(file) if image.inside(base, file) else 1
    except image.Unreadable:
        number = 1
    return [PageRef(name, page) for page in range(number)]


def _state(file: Path) -> tuple[int, int]:
    """(size, time of change) of a file; of the link itself when it leads nowhere; zeros when neither can be seen."""
    for look in (file.stat, file.lstat):
        with suppress(OSError):
            state = look()
            return state.st_size, state.st_mtime_ns
    return 0, 0


@cache
def reader_version() -> bytes:
    """A digest of the code that reads: parts read by other code are read again."""
    digest = hashlib.sha256(f"{cv2.__version__} {np.__version__}".encode())
    for file in sorted(Path(omr.__file__).parent.rglob("*")):
        if file.suffix in (".py", ".so", ".pyd"):
            digest.update(file.read_bytes())
    return digest.digest()


class Store:
    """The folder of finished parts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _paths(self, part: Part) -> tuple[Path, Path]:
        """The pages are written last: when they are there, the part is whole."""
        return self.folder / f"{part.key}.pages.arrow", self.folder / f"{part.key}.marks.arrow"

    def has(self, part: Part) -> bool:
        """Whether a part is finished."""
        return self._paths(part)[0].exists()

    def put(self, part: Part, readings: Readings) -> None:
        """Keep a finished part."""
        pages, marks = self._paths(part)
        tables.write(readings[1], marks)
        tables.write(readings[0], pages)

    def pages(self, part: Part) -> pa.Table:
        """Table `pages` of a finished part."""
        return tables.read(self._paths(part)[0])

    def marks(self, part: Part) -> pa.Table:
        """Table `marks` of a finished part."""
        return tables.read(self._paths(part)[1])

    def clean(self, parts: Iterable[Part]) -> None:
        """Remove everything but these parts: those of files since changed, and what a killed run left half written."""
        wanted = {path for part in parts for path in self._paths(part)}
        for path in self.folder.glob("*"):
            if path not in wanted:
                path.unlink()
