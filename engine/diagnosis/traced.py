"""Mastery smoothed by an item response model, of one exam or of a pupil's whole history.

The model is that of `engine.tracing`: two-parameter logistic items, a level for each pupil and a deviation for each of
his knowledge points, shrunken toward 0 by what all pupils' deviations vary, and toward his class; with earlier exams
what passes is forgotten. It needs no more than a few numbers for each pupil and point, so it serves trees of hundreds
of points. Items, variances and rates are estimated from at most FITTED pupils, evenly spread; all are then filtered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.diagnosis.earlier import Earlier
from engine.diagnosis.paper import Estimates, Paper
from engine.knowledge import per_point, ratio
from engine.tracing import AnswerLog, KnowledgeTracer

FITTED = 1000  # pupils
ROUNDS = 3  # of estimation; more change nothing that matters here


@dataclass(frozen=True)
class Traced:
    """The fitted model, and what it makes of the paper's pupils."""

    model: KnowledgeTracer
    estimates: Estimates


def trace(paper: Paper, day: int, earlier: Sequence[Earlier] = ()) -> Traced:
    """Fit, and estimate every pupil of the paper.

    Args:
        day: of the exam.
    """
    log, exam = _joined(paper, day, earlier)
    q_matrix = {name: of for one in earlier for name, of in one.knowledge.items()}
    for name, row in zip(paper.names, paper.at_stake, strict=True):
        q_matrix[name] = {point: float(weight) for point, weight in zip(paper.points, row, strict=True) if weight > 0}
    student = log.student.to_numpy()
    chosen = np.isin(student, paper.every(FITTED))
    model = KnowledgeTracer(q_matrix, n_rounds=ROUNDS).fit(_rows(log, chosen))
    if not chosen.all():
        model.update(_rows(log, ~chosen))
    return Traced(model, _estimates(paper, model, student, exam))


def _joined(paper: Paper, day: int, earlier: Sequence[Earlier]) -> tuple[AnswerLog, np.ndarray]:
    """The log of the paper's pupils in all exams, and the number of each answer's exam, the paper's being 0."""
    i, j = np.nonzero(~np.isnan(paper.right))
    everybody = pa.array(paper.student_id, pa.string())
    student, item, right = [i], [pa.array(paper.names, pa.string()).take(j)], [paper.right[i, j]]
    exam = [np.zeros(len(i), int)]
    for number, one in enumerate(earlier, 1):
        place = pc.index_in(one.student_id.cast(pa.string()), value_set=everybody)
        ours = place.is_valid().to_numpy(zero_copy_only=False)
        student.append(place.drop_null().to_numpy())
        item.append(one.item.filter(pa.array(ours)).cast(pa.string()))
        right.append(one.right[ours])
        exam.append(np.full(ours.sum(), number))
    of_exam = np.concatenate(exam)
    days = np.array([day, *(one.day for one in earlier)], float)
    students = np.concatenate(student).astype(np.int64)
    log = AnswerLog(
        pa.array(students),
        pa.concat_arrays(item),
        np.concatenate(right).astype(np.int8),
        days[of_exam] if earlier else None,
        pa.array(paper.group[students]),
    )
    return log, of_exam


def _rows(log: AnswerLog, chosen: np.ndarray) -> AnswerLog:
    mask = pa.array(chosen)
    assert log.group is not None
    return AnswerLog(
        log.student.filter(mask),
        log.item.filter(mask),
        log.correct[chosen],
        None if log.time is None else log.time[chosen],
        log.group.filter(mask),
    )


def _estimates(paper: Paper, model: KnowledgeTracer, student: np.ndarray, exam: np.ndarray) -> Estimates:
    n, K = len(paper.student_id), len(paper.points)
    mastery = model.mastery(model.students_)
    outlook = model.outlook(paper.names, mastery)
    at = model.students_.to_numpy()
    column = [mastery.points.index(name) for name in paper.points]
    presented = ~np.isnan(paper.right[at])
    whole = per_point(presented.astype(float), paper.at_stake)
    rate = ratio(per_point(presented * outlook.chance, paper.at_stake), whole)
    steep = ratio(per_point(presented * outlook.slope, paper.at_stake), whole)

    def of_all(values: np.ndarray, missing: float) -> np.ndarray:
        result = np.full((n, K), missing, values.dtype)
        result[at] = values
        return result

    taken = np.unique(student * (exam.max() + 1) + exam) // (exam.max() + 1)
    return Estimates(
        of_all(rate, np.nan),
        of_all(np.abs(steep) * mastery.standard_error[:, column], np.nan),
        None,
        of_all(mastery.answers[:, column], 0),
        np.bincount(taken, minlength=n),
    )
