"""The sheet that reading is timed on: 100 choice items, a ten-digit candidate number and a barcode on one A4 side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from omr.design import design
from omr.layout import Layout
from omr.sheet import Pupil, draw
from omr.simulate import FilledSheet, simulate
from omr.spec import SheetField, SheetSpec

ITEMS, OPTIONS = 100, "ABCD"


def scans(folder: Path, pages: int, *, preset: str = "scanner", seed: int = 1) -> Layout:
    """Print, fill in and scan sheets: grey JPEGs of 200 dpi in `folder`/scans."""
    layout = design(
        SheetSpec(number_digits=10, sides=1),
        [SheetField(name=str(item), kind="choice", options=OPTIONS) for item in range(1, ITEMS + 1)],
        layout_id="benchmark",
        title="2026年质量监测",
        series=0,
    )
    rng = np.random.default_rng(seed)
    pupils = [Pupil(number=f"{number:010d}", name="张三") for number in rng.integers(10**9, 10**10, pages).tolist()]
    draw(layout, folder / "sheets.pdf", pupils)
    answers = rng.choice(list(OPTIONS), (pages, ITEMS))
    sheets = [
        FilledSheet(
            f"sheet{number:04d}",
            number,
            {"candidate": pupil.number} | {str(item): str(answer) for item, answer in enumerate(row, 1)},
        )
        for number, (pupil, row) in enumerate(zip(pupils, answers, strict=True))
    ]
    simulate(folder / "sheets.pdf", layout, sheets, folder / "scans", preset=preset, seed=seed)
    return layout
