"""The scores of an exam as a matrix of points: what the statistics that look at pupils one by one take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.rules import void

if TYPE_CHECKING:
    from engine.exam import Subject


class ScoreMatrix(NamedTuple):
    """The points of the pupils who sat the exam.

    Attributes:
        students: student_id of each row.
        items: the name of each column; items withdrawn (void:drop) have none.
        points: (students, items) float64, NaN where the item was not presented or not chosen, or has no mark yet.
        full: (items,) full marks.
    """

    students: list[str]
    items: list[str]
    points: np.ndarray
    full: np.ndarray


def score_matrix(scores: pa.Table, subject: Subject) -> ScoreMatrix:
    """Of the pupils with status read.

    Args:
        scores: the scores of the subject (`engine.scoring.score(…).scores` or the table "scores.<subject>").
    """
    read = tables.decoded(scores.filter(pc.equal(scores["status"].cast(pa.string()), "read")))
    kept = [item for item in subject.items if void(item) != "drop"]
    columns = [read[item.item].cast(pa.float64()).to_numpy() * float(subject.step) for item in kept]
    return ScoreMatrix(
        students=read["student_id"].to_pylist(),
        items=[item.item for item in kept],
        points=np.column_stack([np.empty((len(read), 0)), *columns]),
        full=np.array([float(item.max) for item in kept]),
    )


def parts(matrix: ScoreMatrix, subject: Subject) -> np.ndarray:
    """(students, parts): what the total is the sum of. A choose group is one part; what was not presented counts 0.

    Of these parts alpha is that of `engine.ctt.reliability`.
    """
    of = {
        item.item: tables.CHOOSE + item.group if item.group in subject.choose else item.item for item in subject.items
    }
    names = list(dict.fromkeys(of[item] for item in matrix.items))
    whole = np.zeros((len(matrix.students), len(names)))
    for j, item in enumerate(matrix.items):
        whole[:, names.index(of[item])] += np.nan_to_num(matrix.points[:, j])
    return whole
