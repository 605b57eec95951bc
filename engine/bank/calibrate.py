"""Calibration (标定): the figures of a bank's questions from the exams they were used in.

**Difficulty** is the rate of points gained, pooled over exams by the number of pupils. What an author guessed before
any pupil had seen the question counts as `GUESS` pupils.

**a and b** of the two-parameter model (`engine.irt.TwoPL`: θ ~ N(0, 1) over the pupils of the exam, no 1.7) come from
all items of the paper that earn all or nothing. They are kept when at least `ENOUGH` pupils sat it (De Ayala 2009 asks
for five hundred), a lies between `FLATTEST` and `STEEPEST` and b is known within `CLOSE`; the figures of the last such
exam stand, since scales of different pupils can't be averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from engine.exam import Subject
from engine.scorematrix import ScoreMatrix, score_matrix

GUESS = 20  # pupils
ENOUGH = 500  # pupils
FEWEST = 3  # items of a scale
FLATTEST, STEEPEST = 0.2, 4.0
CLOSE = 0.5  # largest standard error of b
FIGURES = ("difficulty", "pupils", "irt_a", "irt_b", "irt_pupils", "exams")


@dataclass
class Calibrated:
    """What a calibration did.

    Attributes:
        bank: with new figures.
        changes: (question, old difficulty if it had one, new one, pupils of this exam).
        notes: of items that gave no figures, why.
    """

    bank: pa.Table
    changes: list[tuple[str, float | None, float, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def calibrate(bank: pa.Table, exam_id: str, scored: Sequence[tuple[Subject, pa.Table]]) -> Calibrated:
    """The bank with figures from an exam in which some of its questions were items (`Item.question`).

    Args:
        scored: subjects with their scores (`engine.scoring.score(…).scores`); who is not "read" counts nowhere.
    """
    done = Calibrated(bank)
    columns = {name: bank[name].to_pylist() for name in FIGURES}
    place = {name: i for i, name in enumerate(bank["question"].to_pylist())}
    for subject, scores in scored:
        matrix = score_matrix(scores, subject)
        of_item = {item.item: item for item in subject.items}
        slopes = _two_parameters(matrix, subject)
        for j, name in enumerate(matrix.items):
            question = of_item[name].question
            if not question:
                continue
            points = matrix.points[:, j]
            n = int(np.isfinite(points).sum())
            i = place.get(question)
            reason = "not in the bank" if i is None else _unusable(columns["exams"][i], exam_id, of_item[name].group, n)
            if i is None or reason:
                done.notes.append(f"{subject.code} item {name}, question {question!r}: {reason}")
                continue
            old, worth = columns["difficulty"][i], columns["pupils"][i] or GUESS
            rate = float(np.clip(np.nansum(points) / (n * matrix.full[j]), 0, 1))
            new = rate if old is None else (worth * old + n * rate) / (worth + n)
            done.changes.append((question, old, new, n))
            columns["difficulty"][i] = new
            columns["pupils"][i] = (columns["pupils"][i] or 0) + n
            columns["exams"][i] = ";".join(filter(None, (columns["exams"][i], exam_id)))
            if name in slopes:
                columns["irt_a"][i], columns["irt_b"][i] = slopes[name]
                columns["irt_pupils"][i] = n
    for name, values in columns.items():
        at = done.bank.schema.get_field_index(name)
        done.bank = done.bank.set_column(at, bank.schema.field(name), pa.array(values, bank.schema.field(name).type))
    return done


def _unusable(exams: str | None, exam_id: str, group: str, n: int) -> str:
    """Why an item gives its question no figures; "" if it does."""
    if exam_id in (exams or "").split(";"):
        return f"has figures from exam {exam_id!r} already"
    if group:
        return "answered by those who chose it, who are not like all"
    return "" if n else "answered by nobody"


def _two_parameters(matrix: ScoreMatrix, subject: Subject) -> dict[str, tuple[float, float]]:
    """Item → (a, b), of those that are known well enough."""
    from engine.irt import TwoPL  # scikit-learn takes a second to load

    present = np.isfinite(matrix.points)
    right, wrong = present & (matrix.points >= matrix.full), present & (matrix.points == 0)
    two = (right | wrong | ~present).all(axis=0) & right.any(axis=0) & wrong.any(axis=0)
    chosen = {item.item for item in subject.items if item.group}
    used = [j for j, name in enumerate(matrix.items) if two[j] and name not in chosen]
    if len(matrix.points) < ENOUGH or len(used) < FEWEST:
        return {}
    model = TwoPL().fit(np.where(present, right, np.nan)[:, used])
    errors = np.asarray((model.standard_errors_ or {})["difficulty"])
    return {
        matrix.items[j]: (float(a), float(b))
        for j, a, b, error in zip(used, model.discrimination_, model.difficulty_, errors, strict=True)
        if present[:, j].sum() >= ENOUGH and FLATTEST <= a <= STEEPEST and error <= CLOSE
    }
