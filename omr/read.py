"""From scans to marks: one page end to end, and a folder of pages in parallel, to be resumed when it was ended.

Every page image that goes in comes out as a row of `pages`, either read or with the reason why not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from engine import tables
from engine.errors import InputError
from omr import crops, image, results, workers
from omr.barcode import read_barcode
from omr.layout import Layout
from omr.marks import Mark, read_marks
from omr.parts import PageRef, Part, Readings, Store, plan, reader_version
from omr.placement import Placement
from omr.quality import cut_off, unfindable, unfit
from omr.reason import Reason
from omr.register import Unregistered, register

__all__ = ["PageReading", "ReadSummary", "Reason", "read_page", "read_scans"]

TABLES = ("pages", "marks", "exceptions")


@dataclass(frozen=True, slots=True)
class PageReading:
    """What became of one page image.

    Attributes:
        page: the row of table `pages`.
        marks: one a field of the page, none when it was not read.
        placement: where the page lies on the image, none when it was not read.
    """

    page: dict[str, object]
    marks: Sequence[Mark] = ()
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class ReadSummary:
    """What `read_scans` did: pages = read + page exceptions."""

    files: int
    pages: int
    read: int
    fields: int
    flagged: int  # fields in doubt

    @property
    def exceptions(self) -> int:
        """Rows of the exceptions table: pages not read and fields in doubt."""
        return self.pages - self.read + self.flagged


class _Task(NamedTuple):
    """Some pages of a folder of scans: all that a worker needs to know."""

    base: str
    refs: tuple[PageRef, ...]
    layout: str  # JSON
    subject: str
    out: str  # where pictures of exceptions are kept


def read_page(image: np.ndarray, layout: Layout, *, file: str = "", page: int = 1, subject: str = "") -> PageReading:
    """Read one page.

    Args:
        image: grey (height, width).
        file, page, subject: as they are to stand in the tables.
    """
    where: dict[str, object] = {"subject": subject, "file": file, "page": page}
    try:
        if poor := unfit(image):
            return _unread(where, *poor)
        placement = register(image, layout)
        barcode = read_barcode(image, placement)
        marks = read_marks(image, layout, placement)
    except Unregistered as error:
        reason = Reason(error.reason)
        poor = (unfindable(image) or cut_off(image, layout)) if reason is Reason.NOT_REGISTERED else None
        return _unread(where, *(poor or (reason, error.detail)))
    except Exception as error:  # whatever it is, the other pages are to be read
        return _unread(where, Reason.FAILED, f"{type(error).__name__}: {error}")
    read = {"sheet_page": placement.page.number, "status": "read", "reason": "", "detail": "", "barcode": barcode}
    return PageReading(
        where | read | {"rotation": placement.rotation, "residual": placement.residual}, marks, placement
    )


def _unread(where: dict[str, object], reason: Reason, detail: str) -> PageReading:
    return PageReading(where | {"status": "exception", "reason": reason.value, "detail": detail, "barcode": ""})


def _read_ref(task: _Task, ref: PageRef, layout: Layout, *, inside: bool) -> PageReading:
    where: dict[str, object] = {"subject": task.subject, "file": ref.name, "page": ref.page + 1}
    path = Path(task.base, ref.file)
    if not inside:
        return _unread(where, Reason.OUTSIDE_FOLDER, f"leads to {os.path.realpath(path)}")
    try:
        pixels = image.load(path, ref.page)
    except image.Unreadable as error:
        return _unread(where, Reason(error.reason), error.detail)
    except Exception as error:  # e.g. no memory, or the disk gone
        return _unread(where, Reason.FAILED, f"{type(error).__name__}: {error}")
    reading = read_page(pixels, layout, file=ref.name, page=ref.page + 1, subject=task.subject)
    _keep_crops(Path(task.out), pixels, reading, layout, ref)
    return reading


def _keep_crops(out: Path, pixels: np.ndarray, reading: PageReading, layout: Layout, ref: PageRef) -> None:
    """Pictures for the person who decides, while the page is decoded."""
    if reading.placement is None:
        crops.keep_page(out, pixels, ref.name, ref.page + 1)
    elif doubtful := [mark.field for mark in reading.marks if mark.flag]:
        values = {mark.field: mark.value for mark in reading.marks}
        crops.keep_fields(out, pixels, reading.placement, layout, values, doubtful, ref.name, ref.page + 1)


def _read_part(task: _Task) -> Readings:
    """What a worker does."""
    layout = _layout(task.layout)
    inside = {file: image.inside(Path(task.base), Path(task.base, file)) for file in {ref.file for ref in task.refs}}
    readings = []
    for ref in task.refs:
        workers.watch()
        readings.append(_read_ref(task, ref, layout, inside=inside[ref.file]))
    workers.unwatch()
    return _tables(readings)


@lru_cache(1)
def _layout(text: str) -> Layout:
    return Layout.model_validate_json(text)


def _tables(readings: Iterable[PageReading]) -> Readings:
    """The rows of tables `pages` and `marks`."""
    pages = [reading.page for reading in readings]
    marks = [(reading.page, mark) for reading in readings for mark in reading.marks]
    return (
        tables.build("pages", {name: [page.get(name) for page in pages] for name in tables.SCHEMAS["pages"].names}),
        tables.build(
            "marks",
            {name: [page[name] for page, _ in marks] for name in ("subject", "file", "page")}
            | {name: [getattr(mark, name) for _, mark in marks] for name in ("field", "value", "confidence", "flag")},
        ),
    )


def read_scans(
    scans: Path | Sequence[Path],
    layout: Layout,
    out: Path,
    *,
    subject: str = "",
    executor: Executor | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ReadSummary:
    """Read scans into `out`: pages.arrow, marks.arrow, marks.csv, exceptions.arrow and pictures of these in crops.

    What is finished is kept in out/parts: a run that was ended at any moment is taken up where it was, and ends with
    the same bytes as one that was not. The bytes don't depend on the number of workers either.

    Args:
        scans: a folder, or several folders and files; names in the tables are relative to the folder that holds all.
        executor: where to work; without one, `workers` processes on this machine.
        progress: called with (pages done, pages in all).

    Raises:
        InputError: there are no scans.
    """
    base, files = _find(scans, layout, out)
    text = layout.model_dump_json()
    identity = b"\0".join((reader_version(), _pictures(layout), text.encode(), subject.encode()))
    parts = plan(base, files, identity, executor=executor, processes=workers)
    store = Store(out / "parts")
    store.clean(parts)
    missing = [part for part in parts if not store.has(part)]
    total = sum(len(part.refs) for part in parts)
    done = total - sum(len(part.refs) for part in missing)
    for part, readings in _read_parts(missing, base, text, subject, out, executor, workers):
        store.put(part, readings)
        done += len(part.refs)
        if progress:
            progress(done, total)
    if missing:
        crops.forget(out, crops.OF_MATCHING)  # they may show pages that have changed
    written = results.write(store, parts, out)
    return ReadSummary(
        files=len(files),
        pages=written.pages,
        read=written.pages - written.unread,
        fields=written.fields,
        flagged=written.flagged,
    )


def _find(scans: Path | Sequence[Path], layout: Layout, out: Path) -> tuple[Path, list[Path]]:
    """(the folder that holds all, the files in their order)"""
    roots = [Path(os.path.abspath(root)) for root in ([scans] if isinstance(scans, Path) else scans)]
    for root in roots:
        if not root.exists():
            raise InputError("no such file or folder", file=root, mend="give the folder that holds the scans")
    listed = {file for root in roots for file in image.list_scans(root)}
    own = {picture.name: picture.resolve() for picture in layout.registration.pictures}  # these are no scans
    crop = Path(os.path.abspath(out)) / crops.FOLDER  # of an earlier run, if the results stand among the scans
    found = {
        file
        for file in listed
        if not file.is_relative_to(crop) and (file.name not in own or file.resolve() != own[file.name])
    }
    if not found:
        raise InputError(
            "no scans here",
            file=roots[0] if roots else None,
            mend="put them there, also in sub-folders, as " + ", ".join(sorted(image.EXTENSIONS)),
        )
    base = Path(os.path.commonpath([root if root.is_dir() else root.parent for root in roots]))
    return base, sorted(found, key=lambda file: file.relative_to(base).parts)


def _pictures(layout: Layout) -> bytes:
    return b"\0".join(picture.read_bytes() for picture in layout.registration.pictures)


def _read_parts(
    parts: Sequence[Part],
    base: Path,
    layout: str,
    subject: str,
    out: Path,
    executor: Executor | None,
    processes: int,
) -> Iterator[tuple[Part, Readings]]:
    """Read parts in parallel. Those that may have killed a process are read again page by page, to find the culprit."""
    tasks = {_Task(str(base), part.refs, layout, subject, os.path.abspath(out)): part for part in parts}
    suspects: list[_Task] = []
    for task, readings in workers.completed(_read_part, tasks, executor=executor, workers=processes):
        if readings is None:
            suspects.append(task)
        else:
            yield tasks[task], readings
    singles = [task._replace(refs=(ref,)) for task in suspects for ref in task.refs]
    alone = {
        single.refs: found or _crashed(single) for single, found in workers.completed(_read_part, singles, ahead=1)
    }
    for task in suspects:
        yield tasks[task], _concat(alone[ref,] for ref in task.refs)


def _concat(readings: Iterable[Readings]) -> Readings:
    pages, marks = zip(*readings, strict=True)
    return pa.concat_tables(pages), pa.concat_tables(marks)


def _crashed(task: _Task) -> Readings:
    (ref,) = task.refs
    where = {"subject": task.subject, "file": ref.name, "page": ref.page + 1}
    return _tables([_unread(where, Reason.CRASHED, f"its process died, or took over {workers.PAGE_SECONDS} s")])
