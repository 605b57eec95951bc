"""The made-up city exam: its size, and that two terms are about the same pupils."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.city import CLASSES, COUNTIES, SUBJECTS, score, write_city
from engine import tables


def test_the_city_has_its_counties_schools_and_subjects_and_can_be_scored(tmp_path: Path) -> None:
    """One pupil a class."""
    totals = []
    for term in (0, 1):
        exam = write_city(tmp_path / str(term), size=0.02, term=term)
        assert exam.roster.num_rows == len(COUNTIES) * sum(CLASSES) == 600
        assert len(set(exam.roster["school"].to_pylist())) == len(COUNTIES) * len(CLASSES) == 60
        assert sum(len(subject.items) for subject in exam.subjects) == 60 * len(SUBJECTS) == 540
        assert {float(subject.max) for subject in exam.subjects} == {150.0}
        score(exam.folder)
        scores = tables.read(exam.tables / "scores.maths.arrow")
        totals.append(scores["total"].cast("float64").to_numpy())
    before, after = totals
    both = ~np.isnan(before) & ~np.isnan(after)
    assert both.sum() > 550 and 0.6 < np.corrcoef(before[both], after[both])[0, 1] < 0.98
