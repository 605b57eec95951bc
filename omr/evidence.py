"""Pictures of what only matching finds wrong: the number and barcode of a page, or the field that contradicts another.

When the pages were read nobody knew that these would be wanted, so they are looked at once more; those whose scans are
gone keep the pictures that they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from engine.tables import write_bytes
from omr import crops, image, workers
from omr.layout import Layout
from omr.marks import read_marks
from omr.register import Unregistered, register

MOST = 500  # pictures of a subject; when there is more to show, it is the wrong roster


class _Task(NamedTuple):
    """What is to be shown of one page."""

    base: str
    file: str
    page: int
    wanted: tuple[tuple[str, str], ...]  # kind, field
    layout: str  # JSON
    number: str  # the field of the candidate number
    out: str


def show(
    exceptions: pa.Table,
    scans: Path,
    layout: Layout,
    out: Path,
    *,
    number: str,
    without: Iterable[str] = (),
    executor: Executor | None = None,
    processes: int = 1,
) -> pa.Table:
    """Make the pictures that are not there yet, remove those no longer wanted.

    Args:
        exceptions: of one subject.
        scans: the folder to which files are relative.
        out: the folder of readings.
        number: the field of the candidate number, shown where no other field is in question.
        without: reasons that need no picture.

    Returns:
        the exceptions with `crop`, relative to `out`.
    """
    unwanted = set(without)
    names = ("kind", "file", "page", "field", "reason")
    rows = zip(*(exceptions[name].to_pylist() for name in names), strict=True)
    named = [row[:4] for row in rows if row[0] in crops.OF_MATCHING and row[1] and row[4] not in unwanted][:MOST]
    pages: dict[tuple[str, int], set[tuple[str, str]]] = {}
    for kind, file, page, field in named:
        if not (out / crops.name(kind, file, page, field or "")).exists() and (scans / file).exists():
            pages.setdefault((file, page), set()).add((kind, field or ""))
    text = layout.model_dump_json()
    tasks = [
        _Task(str(scans), file, page, tuple(sorted(wanted)), text, number, str(out))
        for (file, page), wanted in pages.items()
    ]
    for _ in workers.completed(_show, tasks, executor=executor, workers=processes):
        pass
    shown = crops.attach(exceptions, out)
    crops.clean(shown, out, crops.OF_MATCHING)
    return shown


def _show(task: _Task) -> None:
    path = Path(task.base, task.file)
    if not image.inside(Path(task.base), path):
        return
    workers.watch()
    try:
        pixels = image.load(path, task.page - 1)
    except image.Unreadable:  # since it was read
        return
    finally:
        workers.unwatch()
    layout = _layout(task.layout)
    try:
        placement = register(pixels, layout)
    except Unregistered:
        return
    read = {mark.field: mark.value for mark in read_marks(pixels, layout, placement)}
    parts = {joined.name: joined.fields for joined in layout.joined}
    for kind, field in task.wanted:
        name = field or task.number
        data = (
            crops.of_page(pixels)
            if kind == "batch"
            else crops.of_fields(pixels, placement, parts.get(name, (name,)), read, code=name == task.number)
        )
        write_bytes(data, Path(task.out) / crops.name(kind, task.file, task.page, field), durable=False)


@lru_cache(1)
def _layout(text: str) -> Layout:
    return Layout.model_validate_json(text)
