"""How often the reader is silently wrong: the made-up exam under every kind of damage, against its truth.

Fields are counted as by a marking centre: right, flagged for a person, on a page that could not be read, or silently
wrong. 3 % of the marks are untidy (see `omr.pencil.UNTIDY`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import demo
import stages
from engine.exam import load_exam

PRESETS = ("scanner", "copier", "phone")
SEED = 101  # not one that the reader was improved on


def run(size: float = 1.0) -> dict:
    """Simulate, read and score the exam of `size` × 240 pupils, once a preset."""
    rows = []
    for preset in PRESETS:
        with tempfile.TemporaryDirectory() as folder, stages.pool(stages.usable_cores()) as executor:
            exam = Path(folder)
            work = stages.Work(executor, stages.usable_cores())
            demo.write_exam(exam, pupils=max(2, round(demo.PUPILS * size)))
            stages.sheets(exam)
            stages.simulate(exam, work, preset=preset, seed=SEED)
            stages.read(exam, work)
            stages.score(exam)
            found = demo.compare(load_exam(exam))
        rows.append(
            {
                "contender": preset,
                "fields": f"{found.fields:,}",
                "silently wrong": f"{found.silent:,}",
                "flagged %": 100 * found.flagged / found.fields,
                "on unread pages": f"{found.unread:,}",
                "scores": f"{found.clean:,}",
                "wrong scores": f"{found.wrong_scores:,}",
            }
        )
    return {"what": "the demo's sheets, 3 % of the marks untidy", "rows": rows}
