"""A batch read by one worker process and by two, beside bare decoding shared out likewise: what the machine allows.

What two cores share (memory, and the core itself where they are two threads of one) limits both alike.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from benchmarks import sheets
from benchmarks.timing import best_times
from omr.read import read_scans

PAGES = 64  # different ones
COPIES = 24  # of each
ROUNDS = 3


def run(size: float = 1.0) -> dict:
    """Time `size` × 1536 pages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layout = sheets.scans(folder, PAGES)
        originals = sorted((folder / "scans").glob("*.jpg"))
        files = [
            folder / "batch" / f"{copy:03d}" / one.name for copy in range(round(COPIES * size)) for one in originals
        ]
        for number, file in enumerate(files):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.hardlink_to(originals[number % PAGES])
        out = iter(range(1000))

        def read(workers: int) -> None:
            summary = read_scans(folder / "batch", layout, folder / f"out{next(out)}", workers=workers)
            assert summary.read == len(files), summary

        def decode(workers: int) -> None:
            with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
                list(pool.map(_decode, files, chunksize=16))

        times = best_times(
            {f"{task.__name__} {workers}": _bound(task, workers) for task in (read, decode) for workers in (1, 2)},
            ROUNDS,
        )
    rows = [
        {
            "contender": name,
            "pages": len(files),
            "pages/s, one worker": len(files) / times[f"{task} 1"],
            "pages/s, two workers": len(files) / times[f"{task} 2"],
            "× one worker": times[f"{task} 1"] / times[f"{task} 2"],
        }
        for name, task in (("read_scans", "read"), ("cv2.imdecode alone", "decode"))
    ]
    return {"what": "a batch by one and by two worker processes, start and tables included", "rows": rows}


def _bound(task, workers: int):
    return lambda: task(workers)


def _decode(file: Path) -> int:
    cv2.setNumThreads(1)
    return cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE).size
