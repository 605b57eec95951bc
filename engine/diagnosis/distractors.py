"""Which misconceptions (错因) the wrong answers show: the blueprint's column misconceptions, counted.

An option of a multiple-choice item counts with every answer that holds it; other answers as they were given. A county,
school or class is compared with the whole exam: P(count or more) of a binomial with the exam's rate. For the whole exam
the reference is what pupils who don't know and choose blindly would give each wrong option of a single-choice item: an
equal share of all wrong answers; other items have none. Tests of a level are adjusted together (Benjamini & Hochberg
1995). Significant is what has an adjusted p-value of at most `false_discoveries` and lies `min_gap` or more above the
reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.compare import chance_of_fewer, false_discovery
from engine.diagnosis.intervals import wilson
from engine.diagnosis.rates import TOLERANCE
from engine.exam import DiagnosisRule, Item, Subject
from engine.knowledge import ratio
from engine.roster import units_of


@dataclass(frozen=True)
class _Answer:
    """An answer that shows a misconception: who was presented the item and who gave it, (pupils,) bool; the share of
    the pupils expected to give it blindly, NaN if there is no telling."""

    item: Item
    answer: str
    meaning: str
    presented: np.ndarray
    given: np.ndarray
    blindly: float


def misconceptions(subject: Subject, responses: pa.Table, roster: pa.Table, rule: DiagnosisRule) -> pa.Table:
    """Misconceptions of the exam, counties, schools and classes.

    Args:
        responses: student_id, status, one column an item with the answers; those with status "read" count.
        roster: student_id, class, school, county.

    Returns:
        Table "misconceptions": levels exam, county, school, class; units in the order of their text; items in the order
        of the blueprint. Units to whom an item was not presented have no row for it.
    """
    responses = responses.filter(pc.equal(responses["status"].cast(pa.string()), "read"))
    found = [tables.empty("misconceptions")]
    answers = list(_answers(subject, responses))
    if answers and len(responses):
        for level, units_by_pupil in units_of(responses["student_id"], roster).items():
            names = units_by_pupil.to_numpy(zero_copy_only=False)
            inside = np.flatnonzero(names != None)  # noqa: E711 (element by element)
            units, codes = np.unique(names[inside], return_inverse=True)
            found.append(_rows(subject, level, units, codes, inside, answers, rule))
    return pa.concat_tables(found).combine_chunks()


def _answers(subject: Subject, responses: pa.Table) -> Iterator[_Answer]:
    for item in subject.items:
        if not item.misconceptions:
            continue
        encoded = responses[item.item].combine_chunks()
        texts = [text or "" for text in encoded.dictionary.to_pylist()]
        codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy()
        presented = codes >= 0
        blindly = np.nan
        if item.type == "single":
            others = [option for option in item.options if option not in item.key]
            blindly = _given(codes, [text in others for text in texts]).sum() / max(presented.sum() * len(others), 1)
        for answer, meaning in item.misconceptions:
            holds = [set(answer) <= set(text) if item.type == "multiple" else text == answer for text in texts]
            yield _Answer(item, answer, meaning, presented, _given(codes, holds), blindly)


def _given(codes: np.ndarray, chosen: list[bool]) -> np.ndarray:
    """Which pupils gave one of the chosen answers; codes are numbers of answers, -1 for none."""
    return np.append(chosen, False)[codes].astype(bool)


def _rows(
    subject: Subject,
    level: str,
    units: np.ndarray,
    codes: np.ndarray,
    inside: np.ndarray,
    answers: list[_Answer],
    rule: DiagnosisRule,
) -> pa.Table:
    def counted(of: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.bincount(codes[one[inside]], minlength=len(units)) for one in of], axis=1)

    n, count = counted([one.presented for one in answers]), counted([one.given for one in answers])
    rate = ratio(count, n)
    everywhere = np.array([one.given.sum() / max(one.presented.sum(), 1) for one in answers])
    expected = np.array([one.blindly for one in answers]) if level == "exam" else everywhere
    reference = np.broadcast_to(expected, n.shape)
    known = (n > 0) & np.isfinite(reference)
    p = np.where(known, 1 - chance_of_fewer(count - 1, n, np.nan_to_num(reference)), np.nan)
    q = false_discovery(p)
    significant = (q <= rule.false_discoveries) & (rate - reference >= rule.min_gap - TOLERANCE)
    lower, upper = wilson(rate, n.astype(float), rule.confidence)
    u, a = np.nonzero(n > 0)
    return tables.build(
        "misconceptions",
        {
            "subject": [subject.code] * len(u),
            "level": [level] * len(u),
            "unit": pa.array(units, pa.string()).take(u),
            "item": [answers[i].item.item for i in a],
            "knowledge": ["、".join(name for name, _ in answers[i].item.knowledge) for i in a],
            "answer": [answers[i].answer for i in a],
            "misconception": [answers[i].meaning for i in a],
            "n": n[u, a],
            "count": count[u, a],
            "rate": rate[u, a],
            "lower": lower[u, a],
            "upper": upper[u, a],
            "reference": reference[u, a],
            "p": p[u, a],
            "q": q[u, a],
            "significant": significant[u, a],
        },
    )
