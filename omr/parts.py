"""Pages to read, in parts whose results are kept on disk, so that a run that was ended at any moment can go on.

A part is named by a digest of all that its result depends on. It is on disk whole or not at all, and a rerun does
only the parts that are not there.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
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
from omr import image, workers
from omr.headers import PDF, TIFF

PART_PAGES = 16  # on average
MOST_PAGES = 64

Readings = tuple[pa.Table, pa.Table]  # pages, marks


class PageRef(NamedTuple):
    """A page to read."""

    file: str  # relative to the base folder, "/" between folders
    page: int  # within the file, from 0

    @property
    def name(self) -> str:
        """The file as it stands in tables: bytes of a name that are no text are written as \\x.."""
        return self.file.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Part:
    """Some pages, and the name under which their readings are kept."""

    key: str
    refs: tuple[PageRef, ...]


def plan(
    base: Path, files: Sequence[Path], identity: bytes, *, executor: Executor | None = None, processes: int = 1
) -> list[Part]:
    """Cut the pages of the files, in their order, into parts.

    Where a part ends depends on the names of the files in it only, not on how many came before: a sheet scanned later
    changes one part, not all that follow.

    Args:
        base: the folder to which names are relative.
        identity: whatever else the readings depend on.
        executor, processes: where to count the pages of PDFs, see `omr.workers.completed`.
    """
    parts: list[Part] = []
    refs: list[PageRef] = []
    digest = hashlib.sha256(identity)
    numbers = _counts(base, files, executor, processes)
    for file in files:
        name = file.relative_to(base).as_posix()
        for page in range(numbers.get(file, 1)):
            ref = PageRef(name, page)
            refs.append(ref)
            digest.update(repr((ref, _state(file))).encode())
            if len(refs) == MOST_PAGES or zlib.crc32(repr(ref).encode()) % PART_PAGES == 0:
                parts.append(Part(digest.hexdigest()[:32], tuple(refs)))
                refs, digest = [], hashlib.sha256(identity)
    if refs:
        parts.append(Part(digest.hexdigest()[:32], tuple(refs)))
    return parts


def _counts(base: Path, files: Sequence[Path], executor: Executor | None, processes: int) -> dict[Path, int]:
    """The number of pages of each file that may have several.

    PDFs are counted in other processes, as a bad one may take its process down or hold it up for ever.
    """
    several: dict[str, list[Path]] = {TIFF: [], PDF: []}
    for file in files:
        with suppress(image.Unreadable):
            if (kind := image.kind(file)) in several and image.inside(base, file):
                several[kind].append(file)
    counted = dict(workers.completed(_count, several[PDF], executor=executor, workers=processes))
    lost = [file for file, number in counted.items() if number is None]
    counted |= workers.completed(_count, lost, ahead=1)
    return {file: number or 1 for file, number in counted.items()} | {file: _count(file) for file in several[TIFF]}


def _count(file: Path) -> int:
    """A file of which the pages can't be counted counts as one, which can't be read."""
    workers.watch()
    try:
        return image.count(file)
    except image.Unreadable:
        return 1
    finally:
        workers.unwatch()


def _state(file: Path) -> tuple[int, int]:
    """(size, time of change) of a file, or of the archive that holds it; of the link itself when it leads nowhere;
    zeros when none can be seen."""
    there = image.on_disk(file)
    for look in (there.stat, there.lstat):
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
