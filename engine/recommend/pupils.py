"""Recommendations for every pupil of a subject."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine import tables
from engine.recommend.case import Case, classes
from engine.recommend.choosing import Ranking, choose
from engine.recommend.reasons import PURPOSES, Why, because, percent, zone
from engine.recommend.sentences import joined


def recommend(case: Case, roster: pa.Table) -> pa.Table:
    """The questions each pupil should practise next.

    Args:
        roster: student_id, class, school of at least the pupils scored.

    Returns:
        Table "recommendations", pupils in the order of their id, `rank` from 1. Up to `rule.per_pupil` rows for each
        pupil with a score, fewer when the bank has no more.
    """
    if not len(case.questions.ids):
        return tables.empty("recommendations")
    lists = choose(
        case.questions,
        case.needs,
        Ranking.of(case.rule, case.scope, case.questions, case.rule.per_pupil),
        seen=case.seen,
        unit=classes(case.student_id, roster)[0],
        turn=case.ability.overall,
        max_share=case.rule.max_share,
    )
    pupil, rank = np.nonzero(lists.question >= 0)
    question, point, chance = (part[pupil, rank] for part in (lists.question, lists.point, lists.chance))
    why = Why.of(case.evidence, case.needs, pupil, point, case.scope)
    purpose = because(why, case.evidence, pupil, point, chance, case.scope, case.rule)
    success = joined("，本题预计答对率 ", percent(chance), zone(chance, case.rule))
    return tables.build(
        "recommendations",
        {
            "subject": pa.repeat(pa.scalar(case.subject.code, pa.string()), len(pupil)),
            "student_id": pa.array(case.student_id, pa.string()).take(pa.array(pupil)),
            "rank": rank + 1,
            "question": pa.array(case.questions.ids, pa.string()).take(pa.array(question)),
            "knowledge": pa.array(case.scope.names, pa.string()).take(pa.array(point)),
            "difficulty": case.questions.difficulty[question],
            "chance": chance,
            "reason": joined(purpose, success),
            "purpose": pa.array(PURPOSES).take(pa.array(why.purpose)),
        },
    )
