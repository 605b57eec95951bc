"""Reading pages against bare `cv2.imdecode` of the same files: what finding and judging the marks costs on top.

The pages are the demo's sheets (one two-sided with barcodes, one with a number grid), A4 at 200 dpi, grey JPEG, filled
in and damaged by the simulator's scanner preset. One thread, files already in memory's page cache.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

import demo
import stages
from benchmarks.timing import best_times
from engine.exam import load_exam
from omr import image
from omr.read import read_page

PAGES = 48
ROUNDS = 3


def run(size: float = 1.0) -> dict:
    """Time `size` × 48 pages."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        exam_folder = Path(folder)
        demo.write_exam(exam_folder, pupils=max(1, round(PAGES * size / 12)))
        stages.sheets(exam_folder)
        stages.simulate(exam_folder, stages.Work())
        exam = load_exam(exam_folder)
        rows = []
        for subject in exam.subjects:
            layout = stages.layout_of(subject)
            scans = sorted((subject.folder / "scans").glob("*.jpg"))[: round(PAGES * size)]
            data = [np.frombuffer(scan.read_bytes(), np.uint8) for scan in scans]
            fields = sum(len(page.fields) for page in layout.pages) / len(layout.pages)
            times = best_times(
                {
                    "decode": lambda data=data: [cv2.imdecode(one, cv2.IMREAD_GRAYSCALE) for one in data],
                    "read": lambda scans=scans, layout=layout: [_read(scan, layout) for scan in scans],
                },
                ROUNDS,
            )
            rows.append(
                {
                    "contender": f"{subject.code}: read_page",
                    "fields a page": fields,
                    "ms a page": 1000 * times["read"] / len(scans),
                    "ms imdecode": 1000 * times["decode"] / len(scans),
                    "× imdecode": times["read"] / times["decode"],
                }
            )
    return {"what": "pages from file to marks, one thread", "rows": rows}


def _read(scan: Path, layout: object) -> None:
    for number, page in enumerate(image.pages(scan), 1):
        reading = read_page(page, layout, file=scan.name, page=number, subject="")
        assert reading.page["status"] == "read", reading.page
