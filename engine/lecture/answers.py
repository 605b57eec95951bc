"""Who gave which wrong answer to the items of the lesson (典型错误)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.compare import chance_of_fewer, false_discovery
from engine.exam import Item, LectureRule, Subject
from engine.lecture.evidence import TOLERANCE, Evidence

# A constructed response is told by its points: 0, less than half of the full mark, half or more but not all of it.
POINTS = ("zero", "under_half", "over_half")


def wrong_answers(
    subject: Subject, found: Evidence, responses: pa.Table, lessons: Mapping[int, Sequence[int]], rule: LectureRule
) -> pa.Table:
    """Table "lecture_options" of the classes that have a lesson.

    An answer is given clearly more often in a class if its share lies `min_gap` above that of the exam and by more than
    chance; the wrong answers to a class's lesson are one family of tests.

    Args:
        responses: of all pupils scored.
        lessons: class → places of the items gone through.
    """
    answers = _wrong(subject, found, responses, sorted({j for items in lessons.values() for j in items}))
    of, item, answer = found.of[answers["pupil"]], answers["item"], answers["answer"]
    place = np.full((len(found.units), len(subject.items)), -1)  # of the item in the class's lesson
    for unit, items in lessons.items():
        place[unit, list(items)] = np.arange(len(items))
    texts = np.unique(answer.astype(str))
    code = np.searchsorted(texts, answer.astype(str))
    everywhere = np.zeros((len(subject.items), len(texts)), dtype=np.int64)
    np.add.at(everywhere, (item, code), 1)

    shown = place[of, item] >= 0
    of, item, code, pupil = of[shown], item[shown], code[shown], answers["pupil"][shown]
    cell = np.ravel_multi_index((of, item, code), (len(found.units), *everywhere.shape))
    order = np.argsort(cell, kind="stable")  # pupils stay in the order of their id
    cells, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    of, item, code = np.unravel_index(cells, (len(found.units), *everywhere.shape))
    ids = pa.array(found.pupils.student_id[pupil[order]], pa.string())
    students = pc.binary_join(pa.ListArray.from_arrays(np.append(start, len(order)).astype(np.int32), ids), "、")

    n = found.n[of, item]
    reference = everywhere[item, code] / found.n.sum(axis=0)[item]
    chance = 1 - chance_of_fewer(count - 1, n, reference)
    adjusted = np.concatenate([false_discovery(chance[of == unit]) for unit in np.unique(of)] or [chance])
    more = (adjusted <= rule.false_alarms) & (count / n - reference >= rule.min_gap - TOLERANCE)
    more &= texts[code] != POINTS[-1]  # to gain half of the points more often than others is no matter to teach
    school, name = split_units(found.units[of])
    table = tables.build(
        "lecture_options",
        {
            "subject": [subject.code] * len(cells),
            "school": school,
            "class": name,
            "item": [subject.items[j].item for j in item],
            "answer": texts[code],
            "count": count,
            "share": count / n,
            "reference": reference,
            "more": more,
            "misconception": [shown_by(subject.items[j], texts[k]) for j, k in zip(item, code, strict=True)],
            "students": students,
        },
    )
    return table.take(np.lexsort((code, -count, place[of, item], of)))


def shown_by(item: Item, answer: str) -> str:
    """What an answer shows (错因) by the blueprint, "" if nothing; of a multiple choice, what its options show."""
    meanings = [
        meaning
        for wrong, meaning in item.misconceptions
        if (set(wrong) <= set(answer) if item.type == "multiple" else wrong == answer)
    ]
    return "；".join(dict.fromkeys(meanings))


def split_units(units: Iterable[str]) -> tuple[list[str], list[str]]:
    """Schools and classes of "school/class" units."""
    parts = [unit.split("/") for unit in units]
    return [school for school, _ in parts], [name for _, name in parts]


def _wrong(subject: Subject, found: Evidence, responses: pa.Table, items: Sequence[int]) -> dict[str, np.ndarray]:
    """Answers of all who count to these items that did not earn full marks: pupil, item, answer."""
    row = pc.index_in(pa.array(found.pupils.student_id, pa.string()), responses["student_id"].combine_chunks())
    pupils, places, given = [], [], []
    for j in items:
        item, points, full = subject.items[j], found.pupils.points[:, j], found.pupils.full[j]
        wrong = np.flatnonzero(found.pupils.presented[:, j] & (found.of >= 0) & (points < full - TOLERANCE))
        pupils.append(wrong)
        places.append(np.full(len(wrong), j))
        if item.type == "constructed":
            given.append(np.array(POINTS, object)[np.select([points <= 0, points < full / 2], [0, 1], 2)[wrong]])
        else:
            answers = responses[item.item].cast(pa.string()).take(row.take(pa.array(wrong)))
            given.append(answers.fill_null("").to_numpy(zero_copy_only=False))
    return {
        "pupil": np.concatenate([np.empty(0, np.int64), *pupils]),
        "item": np.concatenate([np.empty(0, np.int64), *places]),
        "answer": np.concatenate([np.empty(0, object), *given]),
    }
