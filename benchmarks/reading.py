"""Reading pages against bare `cv2.imdecode` of the same files: what finding and judging the marks costs on top.

The pages are A4 at 200 dpi, grey JPEG, filled in and damaged by the simulator's scanner preset: a sheet with 100 choice
items, a ten-digit number and a barcode (`benchmarks.sheets`), and the demo's sheets (one two-sided with barcodes, one
with a number grid and score strips). One thread, files already in memory's page cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import demo
import stages
from benchmarks import sheets
from benchmarks.timing import best_times
from engine.exam import load_exam
from omr import image
from omr.layout import Layout
from omr.read import read_page

PAGES = 48
ROUNDS = 5


def run(size: float = 1.0) -> dict:
    """Time `size` × 48 pages of each sheet."""
    cv2.setNumThreads(1)
    pages = max(1, round(PAGES * size))
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(name, layout, scans[:pages]) for name, layout, scans in _sheets(Path(folder), pages)]
    return {"what": "pages from file to marks, one thread", "rows": rows}


def _sheets(folder: Path, pages: int) -> Iterator[tuple[str, Layout, list[Path]]]:
    """Name, layout and scans of each kind of sheet."""
    layout = sheets.scans(folder, pages)
    yield "100 items, number, barcode", layout, sorted((folder / "scans").glob("*.jpg"))
    demo.write_exam(folder / "demo", pupils=max(1, pages // 12))
    stages.sheets(folder / "demo")
    stages.simulate(folder / "demo", stages.Work())
    for subject in load_exam(folder / "demo").subjects:
        yield f"demo {subject.code}", stages.layout_of(subject), sorted((subject.folder / "scans").glob("*.jpg"))


def _row(name: str, layout: Layout, scans: list[Path]) -> dict:
    data = [np.frombuffer(scan.read_bytes(), np.uint8) for scan in scans]
    times = best_times(
        {
            "decode": lambda: [cv2.imdecode(one, cv2.IMREAD_GRAYSCALE) for one in data],
            "read": lambda: [_read(scan, layout) for scan in scans],
        },
        ROUNDS,
    )
    return {
        "contender": name,
        "fields a page": sum(len(page.fields) for page in layout.pages) / len(layout.pages),
        "ms a page": 1000 * times["read"] / len(scans),
        "ms imdecode": 1000 * times["decode"] / len(scans),
        "× imdecode": times["read"] / times["decode"],
    }


def _read(scan: Path, layout: Layout) -> None:
    for number, page in enumerate(image.pages(scan), 1):
        reading = read_page(page, layout, file=scan.name, page=number, subject="")
        assert reading.page["status"] == "read", reading.page
