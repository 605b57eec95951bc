"""Who takes which subject (选科): a column of the roster names the subjects that each pupil has chosen."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.exam import Exam

_BETWEEN = re.compile(r"[、,，/+;；\s]+")


def takers(exam: Exam) -> dict[str, np.ndarray]:
    """By code of the subject, who takes it: (pupils of the roster,) bool.

    A subject that some pupil has chosen is taken by those who chose it, any other by everybody. Without a column of
    choices everybody takes everything.

    Raises:
        InputError: a choice names no subject of the exam.
    """
    everybody = np.ones(exam.roster.num_rows, dtype=bool)
    if not exam.choices:
        return {subject.code: everybody for subject in exam.subjects}
    cells = pc.fill_null(exam.roster[exam.choices], "").combine_chunks().dictionary_encode()
    chosen = [_subjects_of(cell, exam) for cell in cells.dictionary.to_pylist()]
    codes = cells.indices.to_numpy()
    elective = set().union(*chosen)
    return {
        subject.code: np.array([subject.code in some for some in chosen], dtype=bool)[codes]
        if subject.code in elective
        else everybody
        for subject in exam.subjects
    }


def _subjects_of(cell: str, exam: Exam) -> set[str]:
    """The codes of the subjects that a cell names: 物理、化学、生物, physics+chemistry, or 物化生."""
    full = {word: one.code for one in exam.subjects for word in (one.name, one.code)}
    initials = Counter(one.name[:1] for one in exam.subjects)
    short = {one.name[:1]: one.code for one in exam.subjects if initials[one.name[:1]] == 1}
    found: set[str] = set()
    for word in filter(None, _BETWEEN.split(cell)):
        named = [full[word]] if word in full else [short.get(letter) for letter in word]
        if None in named:
            raise InputError(
                f"the choice {cell!r} names no subjects of the exam",
                file=exam.folder / "roster.csv",
                column=exam.choices,
                mend=f"write their names, such as {'、'.join(one.name for one in exam.subjects[-3:])}",
            )
        found.update(named)  # type: ignore[arg-type]
    return found
