"""What a pupil has answered in earlier exams, as the store of exams keeps it (engine.history)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.diagnosis.paper import item_name
from engine.exam import Exam
from engine.history import History
from engine.sp import PASSING


@dataclass(frozen=True)
class Earlier:
    """An earlier exam in the subject.

    Attributes:
        day: of the exam, as a number of days.
        student_id, item: (N,) of each answer; an item that stands in several papers has the same name in all.
        right: (N,) 1 or 0.
        knowledge: item → points and weights.
    """

    day: int
    student_id: pa.Array
    item: pa.Array
    right: np.ndarray
    knowledge: dict[str, dict[str, float]]


def earlier_exams(history: History, exam: Exam, code: str) -> list[Earlier]:
    """The exams of the store before this one that had the subject, by date; items without knowledge points left out.

    Raises:
        InputError: the store is damaged.
    """
    found = []
    for kept in history.before(exam):
        paper = kept.paper(code)
        if paper is None:
            continue
        names = {item.item: item_name(item.item, item.question, kept.id) for item in paper.items if item.knowledge}
        rows = history.points(kept, code, ["student_id", "item", "points", "max"]).combine_chunks()
        rows = rows.filter(pc.is_in(rows["item"], pa.array([*names], pa.string())))
        place = pc.index_in(rows["item"], pa.array([*names], pa.string())).combine_chunks()
        points, full = (rows[name].to_numpy() for name in ("points", "max"))
        found.append(
            Earlier(
                kept.date.toordinal(),
                rows["student_id"].combine_chunks(),
                pa.array([*names.values()], pa.string()).take(place),
                (points >= PASSING * full - 1e-9).astype(np.int8),
                {names[item.item]: dict(item.knowledge) for item in paper.items if item.knowledge},
            )
        )
    return found
